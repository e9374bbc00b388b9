/**
 * `<koi-draw campaign="…" src="https://koi.example" game="wheel" lang="zh" theme="light">`: the draw inside any page.
 *
 * The shopper's token comes from the shop's server. The page gives it as `element.token = "…"`, or, so that an expired one is renewed by
 * itself, as a function: `element.tokenProvider = async () => "…"`. `src` is where koi runs; absent: where this script came from.
 * Events, all bubbling: `koi-result` (detail: the draws), `koi-error` (detail: the problem), `koi-login` (no token, or an expired one).
 */
import { Problem, connectLive, createKoi, deviceStore, liveTicket, must, type KoiClient, type Live, type Schema } from "@koi/client";
import { artOf } from "../draw/art";
import { DrawEngine, type Draw, type DrawState } from "../draw/engine";
import { GAMES, gameOf, isGame, type Game, type GameKind } from "../draw/games";
import gamesCss from "../draw/games/games.css?inline";
import { isWin, landingOf } from "../draw/landing";
import { whoseToken } from "../draw/who";
import tokensCss from "../shared/tokens.css?inline";
import embedCss from "./embed.css?inline";
import { EMBED_TEXTS, type EmbedTexts } from "./texts";

type Me = Schema<"Me">;
type TokenProvider = () => string | Promise<string>;

/** Where this script came from: only known while it runs for the first time. */
const ORIGIN = (document.currentScript as HTMLScriptElement | null)?.src;

export class KoiDraw extends HTMLElement {
  static readonly observedAttributes = ["campaign", "src", "game", "lang", "theme"];

  private current: string | undefined;
  private provider: TokenProvider | undefined;
  private readonly shown = this.attachShadow({ mode: "open" });
  private readonly looks = sheet(`${tokensCss}${gamesCss}${embedCss}`);
  private stop: (() => void) | undefined;

  /** The shopper's token. */
  get token(): string | undefined {
    return this.current;
  }
  set token(token: string | undefined) {
    this.current = token;
    this.restart();
  }

  /** Gives a token whenever one is needed. */
  get tokenProvider(): TokenProvider | undefined {
    return this.provider;
  }
  set tokenProvider(provider: TokenProvider | undefined) {
    this.provider = provider;
    this.restart();
  }

  connectedCallback(): void {
    this.shown.adoptedStyleSheets = [this.looks];
    this.restart();
  }
  disconnectedCallback(): void {
    this.stop?.();
    this.stop = undefined;
  }
  attributeChangedCallback(): void {
    this.restart();
  }

  /** Several changes in a row (attributes, token) make one start. */
  restart(): void {
    this.stop?.();
    this.stop = undefined;
    queueMicrotask(() => {
      const campaign = this.getAttribute("campaign");
      if (!this.isConnected || this.stop || !campaign) return;
      const theme = this.getAttribute("theme") ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
      this.dataset["theme"] = theme;
      const session = new Session(this, this.shown, campaign);
      this.stop = () => session.close();
      void session.start();
    });
  }

  texts(): EmbedTexts {
    const language = (this.getAttribute("lang") ?? document.documentElement.lang ?? navigator.language).toLowerCase();
    return language.startsWith("en") ? EMBED_TEXTS.en : EMBED_TEXTS.zh;
  }

  tell(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }
}

/** One campaign for one shopper inside one element. */
class Session {
  private readonly t: EmbedTexts;
  private readonly client: KoiClient;
  private readonly origin: string;
  private token: string | undefined;
  private me: Me | undefined;
  private game: Game | undefined;
  private engine: DrawEngine | undefined;
  private live: Live | undefined;
  private closed = false;
  private readonly said = node("p", "ke-said");
  private readonly left = node("p", "ke-left");

  constructor(
    private readonly host: KoiDraw,
    private readonly root: ShadowRoot,
    private readonly campaign: string,
  ) {
    this.t = host.texts();
    this.origin = new URL(host.getAttribute("src") ?? ORIGIN ?? location.href, location.href).origin;
    this.client = createKoi({ baseUrl: this.origin, token: () => this.token, onUnauthorized: () => this.loggedOut() });
    this.said.setAttribute("role", "status");
    this.said.setAttribute("aria-live", "assertive");
  }

  async start(): Promise<void> {
    this.token = (await this.host.tokenProvider?.()) ?? this.host.token;
    if (this.closed) return;
    if (!this.token) return this.loggedOut();
    const kind = await this.kind();
    if (this.closed) return;
    this.game = GAMES[kind](this.t.games, () => void this.engine?.draw());
    this.game.setEnabled(false);
    this.root.replaceChildren(this.game.root, this.left, this.said);
    this.engine = new DrawEngine({
      client: this.client,
      campaign: this.campaign,
      who: whoseToken(this.token),
      store: deviceStore(),
      onState: (state) => void this.onState(state),
    });
    await this.refresh();
    void this.engine.resume();
    this.live = connectLive({
      baseUrl: this.origin,
      ticket: () => liveTicket(this.client),
      onMessage: (message) => this.engine?.hear(message),
      unresumed: ["big_win"],
    });
  }

  close(): void {
    this.closed = true;
    this.engine?.close();
    this.live?.close();
  }

  /** The game that the page asks for, else the campaign's own. */
  private async kind(): Promise<GameKind> {
    const word = this.host.getAttribute("game");
    if (isGame(word)) return word;
    try {
      const shown = await must(this.client.GET("/api/v1/campaigns/{id}/public", { params: { path: { id: this.campaign } } }));
      return gameOf(shown.skin);
    } catch {
      // What stands in the way of the draw itself is said by the draw.
      return "grid";
    }
  }

  private async refresh(): Promise<void> {
    try {
      this.me = await must(this.client.GET("/api/v1/campaigns/{id}/me", { params: { path: { id: this.campaign } } }));
      const { chances, state, strategy } = this.me;
      const top = Math.max(...strategy.slots.map((slot) => slot.prize.value_cents));
      this.game?.setSlots(
        strategy.slots.map((slot) => ({ name: slot.prize.name, art: artOf(slot.prize), locked: !slot.unlocked, isTop: slot.prize.value_cents === top && top > 0 })),
      );
      this.game?.setEnabled(state === "live" && chances.left > 0);
      this.left.textContent = this.t.left(chances.left);
    } catch (thrown) {
      this.failed(Problem.from(thrown));
    }
  }

  private async onState(state: DrawState): Promise<void> {
    this.game?.setWaiting(state.phase === "asking");
    if (state.phase === "asking") {
      this.game?.setEnabled(false);
      this.said.textContent = state.retrying ? this.t.retrying : this.t.asking;
    } else if (state.phase === "refused") {
      this.failed(state.problem);
      await this.refresh();
    } else if (state.phase === "drawn") {
      await this.present(state.draws, state.resumed);
    }
  }

  private async present(draws: Draw[], resumed: boolean): Promise<void> {
    const [draw] = draws;
    const me = this.me;
    if (!draw) return;
    const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const stop = new AbortController();
    const hide = () => document.hidden && stop.abort();
    document.addEventListener("visibilitychange", hide);
    if (me && !resumed && !isCalm && !document.hidden) {
      this.said.textContent = "";
      const { name } = draw.prize;
      await this.game?.play({ index: landingOf(draw, me.strategy.slots), name, art: artOf(draw.prize), isWin: isWin(draw) }, stop.signal);
    }
    document.removeEventListener("visibilitychange", hide);
    this.said.textContent = isWin(draw) ? this.t.won(draws.map((each) => each.prize.name).join("、")) : this.t.nothing;
    this.host.tell("koi-result", draws);
    this.engine?.shown();
    await this.refresh();
  }

  private failed(problem: Problem): void {
    if (problem.status === 401) return;
    this.said.textContent = this.t.errors[problem.code] ?? problem.message;
    this.host.tell("koi-error", problem);
  }

  private loggedOut(): void {
    if (this.closed) return;
    // A token that did hold has expired: a new one takes up where it stopped, the draw under way included.
    if (this.me && this.host.tokenProvider) {
      this.host.restart();
      return;
    }
    this.token = undefined;
    this.live?.close();
    this.root.replaceChildren(this.said);
    this.said.textContent = this.t.login;
    this.host.tell("koi-login", undefined);
  }
}

function sheet(css: string): CSSStyleSheet {
  const made = new CSSStyleSheet();
  made.replaceSync(css);
  return made;
}

function node(tag: "p", className: string): HTMLParagraphElement {
  const made = document.createElement(tag);
  made.className = className;
  return made;
}

if (!customElements.get("koi-draw")) customElements.define("koi-draw", KoiDraw);
