import { must, type KoiClient } from "./http";
import type { components } from "./schema";

/** A message of `GET /live`; its `type` says what its `data` is. A newer server may send types that are not among these. */
export type LiveMessage = components["schemas"]["LiveMessage"];

/** `connecting` for the first time, `open`, or `broken`: lost, and being tried again. */
export type LiveState = "connecting" | "open" | "broken";

export interface LiveOptions {
  /** The server's origin; absent: where the page comes from. */
  baseUrl?: string;
  /** Path of the socket. */
  path?: string;
  /** Fetches a ticket: one use, so every attempt takes a new one. */
  ticket: () => Promise<string>;
  onMessage: (message: LiveMessage) => void;
  onState?: (state: LiveState) => void;
  /** Messages above this id are sent again on the first connection. */
  after?: string;
  /** Types whose ids are no place to resume from. */
  unresumed?: readonly string[];
  /** For sockets that speak all the time: one that says nothing for so long, in milliseconds, is dead though nobody closed it. */
  silentMs?: number;
  /** Opens a socket; tests give their own. */
  open?: (url: string) => WebSocket;
}

export interface Live {
  /** Closes for good. */
  close: () => void;
  /** Tries at once, where the next attempt is being waited for. */
  poke: () => void;
  readonly state: LiveState;
  readonly lastId: string | undefined;
}

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 15_000;
/** A connection that could not be opened by then is given up and tried again. */
const OPEN_WITHIN_MS = 8_000;
/** A connection that lived so long starts again with the shortest wait. */
const STEADY_MS = 10_000;

/**
 * A connection that heals itself: it is opened again with a new ticket after a random wait that grows (full jitter), or at once when the
 * network is back or the page is seen again, and takes up after the last message that arrived. Messages that come twice are dropped.
 */
export function connectLive(options: LiveOptions): Live {
  let state: LiveState = "connecting";
  let lastId = options.after;
  let attempt = 0;
  let socket: WebSocket | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let closed = false;
  let opening = false;

  const become = (next: LiveState) => {
    if (state === next || closed) return;
    state = next;
    options.onState?.(next);
  };
  const retry = () => {
    if (closed) return;
    become("broken");
    const bound = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** attempt);
    attempt += 1;
    clearTimeout(timer);
    timer = setTimeout(() => void start(), Math.random() * bound);
  };
  /** Gives a socket up at once: the browser itself may wait for minutes until it believes that the other side is gone. */
  const drop = (dead: WebSocket) => {
    if (socket !== dead) return;
    socket = undefined;
    dead.close();
    retry();
  };
  const listen = (opened: WebSocket) => {
    const since = Date.now();
    // An attempt that hangs is given up, which ends in a retry like any other loss.
    let deadline = setTimeout(() => drop(opened), OPEN_WITHIN_MS);
    const heard = () => {
      clearTimeout(deadline);
      if (options.silentMs !== undefined) deadline = setTimeout(() => drop(opened), options.silentMs);
    };
    opened.addEventListener("open", () => {
      heard();
      become("open");
    });
    opened.addEventListener("message", (event: MessageEvent) => {
      heard();
      const message = parse(event.data);
      if (!message || closed) return;
      if (!options.unresumed?.includes(message.type)) {
        if (lastId !== undefined && !isAbove(message.id, lastId)) return;
        lastId = message.id;
      }
      options.onMessage(message);
    });
    opened.addEventListener("close", () => {
      clearTimeout(deadline);
      if (socket !== opened) return;
      socket = undefined;
      if (Date.now() - since > STEADY_MS) attempt = 0;
      retry();
    });
  };
  const start = async () => {
    if (closed || socket || opening) return;
    opening = true;
    try {
      const ticket = await options.ticket();
      if (closed) return;
      socket = (options.open ?? ((url) => new WebSocket(url)))(liveUrl(options, ticket, lastId));
      listen(socket);
    } catch {
      retry();
    } finally {
      opening = false;
    }
  };
  const poke = () => {
    if (closed || socket || opening) return;
    clearTimeout(timer);
    attempt = 0;
    void start();
  };
  // Without a network nothing arrives, whatever the socket believes.
  const onOffline = () => {
    if (socket) drop(socket);
  };
  const onVisible = () => {
    if (document.visibilityState === "visible") poke();
  };
  globalThis.addEventListener?.("online", poke);
  globalThis.addEventListener?.("offline", onOffline);
  globalThis.document?.addEventListener("visibilitychange", onVisible);
  void start();
  return {
    close() {
      closed = true;
      clearTimeout(timer);
      globalThis.removeEventListener?.("online", poke);
      globalThis.removeEventListener?.("offline", onOffline);
      globalThis.document?.removeEventListener("visibilitychange", onVisible);
      socket?.close();
    },
    poke,
    get state() {
      return state;
    },
    get lastId() {
      return lastId;
    },
  };
}

/** A new ticket for the socket, as whoever the client is. */
export async function liveTicket(client: KoiClient): Promise<string> {
  return (await must(client.POST("/api/v1/live/tickets"))).ticket;
}

function liveUrl(options: LiveOptions, ticket: string, after: string | undefined): string {
  const url = new URL(options.path ?? "/api/v1/live", options.baseUrl ?? globalThis.location.origin);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.searchParams.set("ticket", ticket);
  if (after !== undefined) url.searchParams.set("after", after);
  return url.href;
}

function parse(data: unknown): LiveMessage | undefined {
  try {
    const message = JSON.parse(String(data)) as LiveMessage;
    return typeof message.id === "string" && typeof message.type === "string" ? message : undefined;
  } catch {
    return undefined;
  }
}

/** Ids are decimal numbers beyond what a double holds: the longer one is above, else by digits. Others compare as text. */
function isAbove(a: string, b: string): boolean {
  return a.length === b.length ? a > b : a.length > b.length;
}
