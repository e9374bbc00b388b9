import { Problem, must, newIdempotencyKey, type KoiClient, type LiveMessage, type Pending, type PendingStore, type Schema } from "@koi/client";

export type Draw = Schema<"Draw">;

/** The body of a draw's request. The seed is ours alone, so that a message of the live connection is known to be this draw's. */
export interface DrawBody {
  client_seed: string;
  count?: number;
}

/**
 * Where a draw stands.
 *
 * - `idle`: none is under way.
 * - `asking`: sent, or to be sent again; `retrying` says that an attempt failed and `offline` that the network is away.
 * - `drawn`: the server has decided; to be shown. `resumed` where it was asked for before this page was there: no spin then.
 * - `refused`: the server said no; no chance was used.
 */
export type DrawState =
  | { phase: "idle" }
  | { phase: "asking"; count: number; retrying: boolean }
  | { phase: "drawn"; count: number; draws: Draw[]; resumed: boolean; key: string }
  | { phase: "refused"; problem: Problem };

export interface EngineOptions {
  client: KoiClient;
  campaign: string;
  /** Names the shopper on this device. */
  who: string;
  store: PendingStore;
  onState: (state: DrawState) => void;
  /** The wait before an attempt, milliseconds; tests give none. */
  backoffMs?: (attempt: number) => number;
}

const FIRST_RETRY_MS = 400;
const LONGEST_RETRY_MS = 8_000;

/** Full jitter: many pages that lost one server do not come back at once. */
const jitter = (attempt: number) => Math.random() * Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** attempt);

/**
 * One draw at a time that ends with one result, whatever happens to the page in between.
 *
 * The key and body are stored before the first attempt and dropped when the result was shown. Until then every attempt, of this page, of
 * the page after a reload, or of another tab, sends the same key, and the server answers with the same draw. The same draw's live message
 * counts as the answer where it comes first.
 */
export class DrawEngine {
  private state: DrawState = { phase: "idle" };
  private pending: Pending<DrawBody> | undefined;
  private heard: Draw[] = [];
  private wake: (() => void) | undefined;
  private closed = false;
  private minting = false;
  private releaseAlive: (() => void) | undefined;
  private readonly name: string;
  /** Tells other tabs that a draw began. */
  private readonly channel: BroadcastChannel | undefined;

  constructor(private readonly options: EngineOptions) {
    this.name = `koi.draw.${options.campaign}.${options.who}`;
    globalThis.addEventListener?.("online", this.retryNow);
    if (typeof BroadcastChannel === "function") this.channel = new BroadcastChannel(this.name);
    this.channel?.addEventListener("message", this.onBegun);
    globalThis.document?.addEventListener("visibilitychange", this.retryNow);
  }

  get current(): DrawState {
    return this.state;
  }

  /** Takes up a draw that an earlier page began. Call it once, when the campaign is there to show it. */
  async resume(): Promise<void> {
    const found = await this.options.store.read<DrawBody>(this.name);
    if (found && this.state.phase === "idle" && !this.minting) await this.run(found, true);
  }

  /** Draws; a click while one is under way is that one. `count` above 1 draws so many at once. */
  async draw(count = 1): Promise<void> {
    if (this.minting || this.state.phase === "asking" || this.state.phase === "drawn") return;
    this.minting = true;
    this.become({ phase: "asking", count, retrying: false });
    try {
      const body: DrawBody = { client_seed: newIdempotencyKey(), ...(count > 1 ? { count } : {}) };
      // Before anything is stored: a tab that sees it stored must find somebody alive.
      await this.holdAlive();
      // Two tabs that are clicked at once take one key: who comes second finds the first one's.
      const pending = await this.options.store.take(this.name, body);
      this.channel?.postMessage("begun");
      this.minting = false;
      await this.run(pending, false);
    } catch (thrown) {
      // Nothing was stored, so nothing was sent.
      this.become({ phase: "refused", problem: Problem.from(thrown) });
    } finally {
      this.minting = false;
    }
  }

  /** A message of the live connection. */
  hear(message: LiveMessage): void {
    if (message.type !== "draw.result" || !this.pending || this.state.phase !== "asking") return;
    const draw = message.data;
    if (draw.campaign_id !== this.options.campaign || seedOf(draw) !== this.pending.body.client_seed) return;
    this.heard.push(draw);
    if (this.heard.length === (this.pending.body.count ?? 1)) this.drawn(this.heard, this.pending, false);
  }

  /** The result, or the refusal, was seen: the key has done its work. */
  shown(): void {
    const { state } = this;
    if (state.phase !== "drawn") return this.finish();
    // The next draw must not find this one's key, so it waits until that is gone.
    this.minting = true;
    const dropped = this.options.store.drop(this.name, state.key).finally(() => {
      this.minting = false;
      this.finish();
    });
    dropped.catch(() => undefined);
  }

  /** Tries at once, where the next attempt is being waited for. */
  retryNow = (): void => {
    if (globalThis.document?.visibilityState !== "hidden") this.wake?.();
  };

  close(): void {
    this.closed = true;
    this.wake?.();
    this.releaseAlive?.();
    globalThis.removeEventListener?.("online", this.retryNow);
    this.channel?.close();
    globalThis.document?.removeEventListener("visibilitychange", this.retryNow);
  }

  private async run(pending: Pending<DrawBody>, resumed: boolean): Promise<void> {
    this.pending = pending;
    this.heard = [];
    void this.holdAlive();
    const count = pending.body.count ?? 1;
    this.become({ phase: "asking", count, retrying: false });
    for (let attempt = 0; !this.closed && this.isAsking(pending); attempt += 1) {
      try {
        const draws = await this.attempt(pending);
        if (this.isAsking(pending)) this.drawn(draws, pending, resumed);
        return;
      } catch (thrown) {
        const problem = Problem.from(thrown);
        if (!this.isAsking(pending)) return;
        if (!problem.isTransient) {
          this.refused(problem, pending);
          return;
        }
        this.become({ phase: "asking", count, retrying: true });
        await this.pause(problem.retryAfterMs ?? (this.options.backoffMs ?? jitter)(attempt));
      }
    }
  }

  private async attempt(pending: Pending<DrawBody>): Promise<Draw[]> {
    const answer = await must(
      this.options.client.POST("/api/v1/campaigns/{id}/draws", {
        params: { path: { id: this.options.campaign }, header: { "Idempotency-Key": pending.key } },
        body: pending.body,
      }),
    );
    return "draws" in answer ? answer.draws : [answer];
  }

  private drawn(draws: Draw[], pending: Pending<DrawBody>, resumed: boolean): void {
    const inOrder = [...draws].sort((a, b) => a.n - b.n);
    this.become({ phase: "drawn", count: inOrder.length, draws: inOrder, resumed, key: pending.key });
  }

  private refused(problem: Problem, pending: Pending<DrawBody>): void {
    // Without a token that holds nothing is known of the draw: the key stays for after the next login.
    const dropped = problem.status === 401 ? Promise.resolve() : this.options.store.drop(this.name, pending.key);
    const told = () => {
      this.pending = undefined;
      this.releaseAlive?.();
      this.become({ phase: "refused", problem });
    };
    dropped.then(told, told);
  }

  private finish(): void {
    this.pending = undefined;
    this.releaseAlive?.();
    this.become({ phase: "idle" });
  }

  private isAsking(pending: Pending<DrawBody>): boolean {
    return this.state.phase === "asking" && this.pending?.key === pending.key;
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  private become(state: DrawState): void {
    if (this.closed) return;
    this.state = state;
    this.options.onState(state);
  }

  /** Another tab began a draw: should it die before it shows the result, this one does. */
  private readonly onBegun = (): void => {
    const locks = locksOf();
    if (locks && this.state.phase === "idle") void locks.request(`${this.name}.alive`, () => void this.resume());
  };

  /**
   * Takes the lock that says that somebody looks after the draw, until its result was seen; the browser releases it with the page. Where
   * another tab has it, this one joins that tab's draw and does without.
   */
  private holdAlive(): Promise<void> {
    const locks = locksOf();
    if (this.releaseAlive || !locks) return Promise.resolve();
    return new Promise((taken) => {
      void locks.request(`${this.name}.alive`, { ifAvailable: true }, (lock) => {
        taken();
        if (!lock) return undefined;
        return new Promise<void>((released) => {
          this.releaseAlive = () => {
            this.releaseAlive = undefined;
            released();
          };
        });
      });
    });
  }
}

/** The seed that the shopper's device gave to a draw, from its receipt. */
export function seedOf(draw: Draw): string | undefined {
  const receipt = draw.receipt as { client_seed?: unknown };
  return typeof receipt.client_seed === "string" ? receipt.client_seed : undefined;
}

/** Locks across tabs, where the browser has them: without TLS a page has none, and then nobody takes over from a tab that died. */
function locksOf(): LockManager | undefined {
  return globalThis.navigator?.locks as LockManager | undefined;
}
