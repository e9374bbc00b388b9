import { useEffect, useRef, useState } from "react";
import { artOf } from "../../draw/art";
import { GAMES, gameOf, isGame, type Game, type GameKind, type Landing } from "../../draw/games";
import type { Draw } from "../../draw/engine";
import { landingOf, isWin } from "../../draw/landing";
import { dateTime, number } from "../../shared/format";
import { useIdle } from "../idle";
import { useWords } from "../language";
import { navigate, panelPath } from "../route";
import { draw, drawShown, useShopper, type Me, type Rules } from "../store";
import { problemText, type Texts } from "../texts";

/** The game that the shopper chose for a campaign instead of its own skin. */
const stored = (campaign: string) => `koi.game.${campaign}`;
const MANY = 10;

function storedGame(campaign: string): GameKind | undefined {
  try {
    const word = localStorage.getItem(stored(campaign));
    return isGame(word) ? word : undefined;
  } catch {
    return undefined;
  }
}

/** The game, what is left to draw with, and the buttons. */
export function Stage() {
  const { t, language } = useWords();
  const me = useShopper((state) => state.me);
  const rules = useShopper((state) => state.rules);
  const state = useShopper((shopper) => shopper.draw);
  const campaign = useShopper((shopper) => shopper.campaign);
  const [chosen, setChosen] = useState(() => storedGame(campaign));
  const [isPlaying, setPlaying] = useState(false);
  const skip = useRef<() => void>(undefined);
  if (!me || !rules) return null;
  const kind = chosen ?? gameOf(rules.skin);
  const left = me.chances.left;
  const isOpen = me.state === "live";
  const isBusy = state.phase === "asking" || state.phase === "drawn";
  const many = Math.min(MANY, left);
  const choose = (next: GameKind) => {
    setChosen(next);
    try {
      localStorage.setItem(stored(campaign), next);
    } catch {
      // Then it holds for this page.
    }
  };
  return (
    <section className="stage" aria-label={t.nav.draw}>
      <GamePicker kind={kind} onChoose={choose} isDisabled={isBusy} />
      <GameView key={kind} kind={kind} me={me} canStart={isOpen && left > 0 && !isBusy} onPlaying={setPlaying} skip={skip} />
      <div className="stage-row">
        <p className="left">
          <strong>{number(left, language)}</strong>
          <span>{t.stage.leftLabel}</span>
        </p>
        {isPlaying ? (
          <button type="button" className="button is-quiet" onClick={() => skip.current?.()}>
            {t.stage.skip}
          </button>
        ) : (
          <button type="button" className="button is-quiet" disabled={!isOpen || many < 2 || isBusy} onClick={() => draw(many)}>
            {t.stage.ten(Math.max(2, many))}
          </button>
        )}
        <p className="left">
          <strong>{number(me.points, language)}</strong>
          <span>{t.stage.points}</span>
        </p>
      </div>
      <Progress me={me} rules={rules} />
      <StageNote me={me} rules={rules} />
      <p className="stage-foot">{me.strategy.source === "personal" ? t.stage.personal : t.stage.random}</p>
    </section>
  );
}

function GamePicker({ kind, onChoose, isDisabled }: { kind: GameKind; onChoose: (kind: GameKind) => void; isDisabled: boolean }) {
  const { t } = useWords();
  return (
    <fieldset className="picker" disabled={isDisabled}>
      <legend className="visually-hidden">{t.games.label}</legend>
      {(Object.keys(GAMES) as GameKind[]).map((each) => (
        <label key={each}>
          <input type="radio" name="game" value={each} checked={each === kind} onChange={() => onChoose(each)} />
          <span>{t.games[each]}</span>
        </label>
      ))}
    </fieldset>
  );
}

interface GameViewProps {
  kind: GameKind;
  me: Me;
  canStart: boolean;
  onPlaying: (playing: boolean) => void;
  skip: React.RefObject<(() => void) | undefined>;
}

/** Mounts the game and plays every result that arrives; nothing of a result depends on it. */
function GameView({ kind, me, canStart, onPlaying, skip }: GameViewProps) {
  const { t } = useWords();
  const host = useRef<HTMLDivElement>(null);
  const game = useRef<Game>(undefined);
  const state = useShopper((shopper) => shopper.draw);
  const places = JSON.stringify(me.strategy.slots);

  useEffect(() => {
    const made = GAMES[kind](t.games.texts, () => draw());
    game.current = made;
    host.current?.replaceChildren(made.root);
    return () => made.root.remove();
  }, [kind, t]);
  useEffect(() => {
    game.current?.setSlots(gameSlots(me));
    // eslint-disable-next-line react-hooks/exhaustive-deps -- `places` says whether the places changed
  }, [kind, t, places]);
  useEffect(() => void game.current?.setEnabled(canStart), [kind, t, canStart]);
  useEffect(() => void game.current?.setWaiting(state.phase === "asking"), [kind, t, state.phase]);
  useEffect(() => {
    if (state.phase !== "drawn") return undefined;
    const stop = new AbortController();
    skip.current = () => stop.abort();
    void present(state, stop, game.current, me, onPlaying);
    return undefined;
    // One result, one presentation: what changes meanwhile does not start it again.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [state.phase === "drawn" ? state.key : ""]);
  return <div ref={host} className="game" />;
}

type Drawn = Extract<ReturnType<typeof useShopper.getState>["draw"], { phase: "drawn" }>;

/** Plays, where somebody looks and wants it; then waits until somebody looks, shows the result, and lets go of its key. */
async function present(drawn: Drawn, stop: AbortController, game: Game | undefined, me: Me, onPlaying: (playing: boolean) => void): Promise<void> {
  const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const hide = () => document.hidden && stop.abort();
  document.addEventListener("visibilitychange", hide);
  if (game && !drawn.resumed && !isCalm && !document.hidden) {
    onPlaying(true);
    await game.play(landing(drawn.draws, me), stop.signal);
    onPlaying(false);
  }
  document.removeEventListener("visibilitychange", hide);
  await untilVisible();
  // Of two effects of one result (a game that was changed), one shows it.
  const now = useShopper.getState().draw;
  if (now.phase !== "drawn" || now.key !== drawn.key) return;
  const reasons = Object.fromEntries(me.strategy.slots.flatMap((slot) => (slot.reason ? [[slot.prize.code, slot.reason]] : [])));
  const seedHash = me.next_n === drawn.draws[0]?.n ? me.next_seed_hash : undefined;
  useShopper.setState({ shown: { draws: drawn.draws, reasons, seedHash, resumed: drawn.resumed } });
  await painted();
  drawShown();
}

function untilVisible(): Promise<void> {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve) => {
    const look = () => {
      if (document.hidden) return;
      document.removeEventListener("visibilitychange", look);
      resolve();
    };
    document.addEventListener("visibilitychange", look);
  });
}

const painted = () => new Promise<void>((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve())));

function gameSlots(me: Me) {
  const top = Math.max(...me.strategy.slots.map((slot) => slot.prize.value_cents));
  return me.strategy.slots.map((slot) => ({
    name: slot.prize.name,
    art: artOf(slot.prize),
    locked: !slot.unlocked,
    isTop: slot.prize.value_cents === top && top > 0,
  }));
}

function landing(draws: readonly Draw[], me: Me): Landing {
  const best = draws.toSorted((a, b) => b.prize.value_cents - a.prize.value_cents)[0];
  if (!best) return { index: 0, name: "", art: "", isWin: false };
  return { index: landingOf(best, me.strategy.slots), name: best.prize.name, art: artOf(best.prize), isWin: isWin(best) };
}

function Progress({ me, rules }: { me: Me; rules: Rules }) {
  const { t } = useWords();
  const done = me.next_n - 1;
  const locked = rules.tiers.filter((tier) => tier.unlock_after > done).toSorted((a, b) => a.unlock_after - b.unlock_after)[0];
  const guarantee = me.guarantees[0];
  if (locked) {
    const prize = me.strategy.slots.find((slot) => slot.tier === locked.code)?.prize.name ?? locked.code;
    return <Bar value={done} most={locked.unlock_after} text={t.stage.unlock(locked.unlock_after - done, prize)} />;
  }
  if (guarantee) {
    const name = me.strategy.slots.find((slot) => slot.tier === guarantee.tier)?.prize.name ?? guarantee.tier;
    return <Bar value={guarantee.draws_without} most={guarantee.after + 1} text={t.stage.guarantee(guarantee.after + 1 - guarantee.draws_without, name)} />;
  }
  return null;
}

function Bar({ value, most, text }: { value: number; most: number; text: string }) {
  return (
    <div className="progress">
      <progress value={value} max={most} aria-label={text} />
      <span>{text}</span>
    </div>
  );
}

/** What stands in the way of a draw, or what becomes of it. */
function StageNote({ me, rules }: { me: Me; rules: Rules }) {
  const { t, language } = useWords();
  const state = useShopper((shopper) => shopper.draw);
  const campaign = useShopper((shopper) => shopper.campaign);
  // A slow phone takes long to write its first date, and nobody needs it to draw.
  const isIdle = useIdle();
  const text = noteText(t, state, me, rules, (at) => dateTime(at, language, rules.time_zone), isIdle);
  const isRefused = state.phase === "refused";
  return (
    <div className={isRefused ? "stage-note is-bad" : "stage-note"} role={isRefused ? "alert" : "status"}>
      {text}
      {me.state === "live" && me.chances.left === 0 && state.phase !== "asking" && (
        <a
          href={panelPath(campaign, "chances")}
          onClick={(event) => {
            event.preventDefault();
            navigate(panelPath(campaign, "chances"));
          }}
        >
          {t.ways.title}
        </a>
      )}
    </div>
  );
}

function noteText(t: Texts, state: ReturnType<typeof useShopper.getState>["draw"], me: Me, rules: Rules, at: (time: string) => string, isIdle: boolean): string {
  if (state.phase === "refused") return problemText(t, state.problem);
  if (state.phase === "asking") return state.retrying ? (navigator.onLine ? t.stage.retrying : t.stage.offline) : t.stage.asking;
  if (me.state === "paused") return t.stage.paused;
  if (me.state === "ended" || me.state === "archived") return t.stage.over;
  if (me.state === "scheduled") return t.stage.soon(at(rules.starts_at));
  if (me.chances.left === 0) return t.stage.noChances;
  return isIdle ? t.stage.until(at(rules.ends_at)) : "";
}
