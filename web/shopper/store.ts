import { Problem, connectLive, createKoi, deviceStore, liveTicket, must, type KoiClient, type Live, type LiveMessage, type LiveState, type Schema } from "@koi/client";
import { create } from "zustand";
import { DrawEngine, type Draw, type DrawState } from "../draw/engine";
import { whoseToken } from "../draw/who";
import { fetchOrEarly } from "./early";
import { whenIdle } from "./idle";
import { dropToken } from "./session";
import { bigWins, exchangeItems, signIns, type BigWin, type ExchangeItem, type SignIns } from "./extra";

export type Me = Schema<"Me">;
export type Rules = Schema<"PublishedRules">;
export type Award = Schema<"Award">;
export type Entry = Schema<"Entry">;
export type Order = Schema<"Order">;

/** A list as far as it was read. */
export interface Paged<Row> {
  rows: Row[];
  next: string | null;
  loaded: boolean;
}

/** What the result dialog shows. */
export interface Shown {
  draws: Draw[];
  /** Why a prize was chosen, by its code. */
  reasons: Record<string, string>;
  /** The hash that was published before the first of these draws, where this page had it. */
  seedHash: string | undefined;
  resumed: boolean;
}

export interface ShopperState {
  campaign: string;
  /** Names the shopper on this device. */
  who: string;
  /** `out`: no token, or one that holds no more. */
  login: "in" | "out" | "expired";
  rules: Rules | undefined;
  me: Me | undefined;
  /** Why rules and account could not be read. */
  problem: Problem | undefined;
  live: LiveState;
  draw: DrawState;
  shown: Shown | undefined;
  draws: Paged<Draw>;
  awards: Paged<Award>;
  entries: Paged<Entry>;
  orders: Paged<Order>;
  held: number;
  items: ExchangeItem[] | undefined;
  signIns: SignIns | undefined;
  wins: BigWin[];
}

const EMPTY = { rows: [], next: null, loaded: false };
/** Rows of a list at a time. */
const PAGE = 20;
/** Orders are read further back: the calendar shows a month of sign-ins. */
const ORDERS_PAGE = 100;
/** Wins kept of the feed. */
const WINS = 12;

export const useShopper = create<ShopperState>(() => ({
  campaign: "",
  who: "",
  login: "out",
  rules: undefined,
  me: undefined,
  problem: undefined,
  live: "connecting",
  draw: { phase: "idle" },
  shown: undefined,
  draws: EMPTY,
  awards: EMPTY,
  entries: EMPTY,
  orders: EMPTY,
  held: 0,
  items: undefined,
  signIns: undefined,
  wins: [],
}));

const set = useShopper.setState;
const get = useShopper.getState;

let client: KoiClient = createKoi();
let engine: DrawEngine | undefined;
let live: Live | undefined;

/** Requests that must not be made twice, on this device. */
export const store = deviceStore();

export const koi = (): KoiClient => client;

/** Starts for a campaign, with a token or without one. */
export function start(campaign: string, token: string | undefined): void {
  set({ campaign, who: token ? whoseToken(token) : "", login: token ? "in" : "out" });
  client = createKoi({
    fetch: fetchOrEarly,
    token: () => token,
    onUnauthorized: () => {
      if (!token) return;
      dropToken(token);
      token = undefined;
      live?.close();
      set({ login: "expired" });
    },
  });
  void loadRules();
  if (!token) return;
  engine = new DrawEngine({ client, campaign, who: get().who, store, onState: onDraw });
  void loadMe().then(() => {
    void engine?.resume();
    // The stage stands: what is around it may take the slow phone's time now.
    whenIdle(() => {
      void loadDraws().catch(() => undefined);
      void listen(client, campaign);
    });
  });
}

/** Opens the live connection, and reads what was told before. */
async function listen(of: KoiClient, campaign: string): Promise<void> {
  if (get().login !== "in") return;
  live = connectLive({
    ticket: () => liveTicket(of),
    onState: onLive,
    onMessage: hear,
    unresumed: ["big_win"],
  });
  set({ live: live.state });
  set({ wins: await bigWins(of, campaign) });
}

function onDraw(draw: DrawState): void {
  set({ draw });
  // A refusal says that what is shown here is out of date.
  if (draw.phase === "refused") void refresh();
}

function onLive(state: LiveState): void {
  set({ live: state });
  // What happened meanwhile is read, whether or not it was told.
  if (state === "open") void refresh();
}

function hear(message: LiveMessage): void {
  engine?.hear(message);
  switch (message.type) {
    case "big_win": {
      const win = message.data;
      if (win.campaign_id === get().campaign) set({ wins: [win, ...get().wins].slice(0, WINS) });
      break;
    }
    case "award.updated":
      patchAward(message.data);
      break;
    case "points.changed":
      set(({ me }) => (me ? { me: { ...me, points: message.data.balance } } : {}));
      if (get().entries.loaded) void loadEntries();
      break;
    case "strategy.ready":
    case "draw.result":
      // While a draw is under way the places stay as they were when it was asked for.
      if (get().draw.phase === "idle") void refresh();
      break;
    default:
  }
}

function patchAward(award: Award): void {
  if (get().awards.loaded && !get().awards.rows.some((row) => row.id === award.id)) void loadAwards();
  set(({ awards }) => ({ awards: { ...awards, rows: awards.rows.map((row) => (row.id === award.id ? { ...row, ...award } : row)) } }));
}

export async function loadRules(): Promise<void> {
  try {
    const rules = await must(client.GET("/api/v1/campaigns/{id}/rules", { params: { path: { id: get().campaign } }, headers: { accept: "application/json" } }));
    set({ rules, problem: undefined });
  } catch (thrown) {
    set({ problem: Problem.from(thrown) });
  }
}

/** Reads what the stage shows. */
async function loadMe(): Promise<void> {
  try {
    const me = await must(client.GET("/api/v1/campaigns/{id}/me", { params: { path: { id: get().campaign } } }));
    set({ me, problem: undefined });
  } catch (thrown) {
    const problem = Problem.from(thrown);
    if (!get().me && problem.status !== 401) set({ problem });
  }
}

/** Reads what the stage shows anew, and the lists that are open. */
export async function refresh(): Promise<void> {
  if (get().login !== "in") return;
  try {
    await loadMe();
    await Promise.all([loadDraws(), get().awards.loaded && loadAwards(), get().entries.loaded && loadEntries(), get().orders.loaded && loadOrders()]);
  } catch (thrown) {
    const problem = Problem.from(thrown);
    if (!get().me && problem.status !== 401) set({ problem });
  }
}

export function draw(count = 1): void {
  void engine?.draw(count);
}

/** The result is on the screen and somebody looks at it. */
export function drawShown(): void {
  engine?.shown();
  void refresh();
}

/** Reads on below `cursor`, or the first page. */
async function page<Row>(
  had: Paged<Row>,
  more: boolean,
  read: (query: { limit: number; cursor?: string }) => Promise<{ data: Row[]; next_cursor?: string | null }>,
  limit = PAGE,
): Promise<Paged<Row>> {
  const answer = await read({ limit, ...(more && had.next ? { cursor: had.next } : {}) });
  return { rows: more ? [...had.rows, ...answer.data] : answer.data, next: answer.next_cursor ?? null, loaded: true };
}

export async function loadDraws(more = false): Promise<void> {
  const id = get().campaign;
  const read = (query: { limit: number }) => must(client.GET("/api/v1/campaigns/{id}/draws", { params: { path: { id }, query } }));
  set({ draws: await page(get().draws, more, read) });
}

export async function loadAwards(more = false): Promise<void> {
  set({ awards: await page(get().awards, more, (query) => must(client.GET("/api/v1/awards", { params: { query } }))) });
}

export async function loadEntries(more = false): Promise<void> {
  const entries = await page(get().entries, more, (query) => must(client.GET("/api/v1/points/entries", { params: { query } })));
  const balance = await must(client.GET("/api/v1/points"));
  set(({ me }) => ({ entries, held: balance.held, ...(me ? { me: { ...me, points: balance.balance } } : {}) }));
}

export async function loadOrders(more = false): Promise<void> {
  const id = get().campaign;
  const read = (query: { limit: number }) => must(client.GET("/api/v1/campaigns/{id}/orders", { params: { path: { id }, query } }));
  const [orders, signed] = await Promise.all([page(get().orders, more, read, ORDERS_PAGE), signIns(client, id)]);
  set({ orders, signIns: signed });
}

export async function loadItems(): Promise<void> {
  set({ items: await exchangeItems(client) });
}
