import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { connectLive, type Live, type LiveMessage, type LiveState } from "./live";

/** A socket that does what a test says. */
class FakeSocket extends EventTarget {
  static opened: FakeSocket[] = [];
  constructor(readonly url: string) {
    super();
    FakeSocket.opened.push(this);
  }
  say(id: string, type = "draw.result"): void {
    this.dispatchEvent(new MessageEvent("message", { data: JSON.stringify({ id, type, at: "", data: {} }) }));
  }
  open(): void {
    this.dispatchEvent(new Event("open"));
  }
  close(): void {
    this.dispatchEvent(new Event("close"));
  }
}

let tickets = 0;
const heard: string[] = [];
const states: LiveState[] = [];
let lives: Live[] = [];
const connect = (ticket = async () => `t${(tickets += 1)}`, options: { silentMs?: number } = {}): Live => {
  const live = connectLive({
    ...options,
    baseUrl: "http://koi.test",
    ticket,
    onMessage: (message: LiveMessage) => void heard.push(message.id),
    onState: (state) => void states.push(state),
    unresumed: ["big_win"],
    open: (url) => new FakeSocket(url) as unknown as WebSocket,
  });
  lives.push(live);
  return live;
};
const last = () => FakeSocket.opened.at(-1)!;

beforeEach(() => {
  vi.useFakeTimers();
  FakeSocket.opened = [];
  tickets = 0;
  heard.length = 0;
  states.length = 0;
});
afterEach(() => {
  for (const live of lives) live.close();
  lives = [];
  vi.useRealTimers();
});

it("takes up after the last message, with a new ticket, and drops what comes twice", async () => {
  const live = connect();
  await vi.advanceTimersByTimeAsync(0);
  last().open();
  last().say("9");
  last().say("10");
  last().close();
  expect(live.state).toBe("broken");
  await vi.advanceTimersByTimeAsync(1_000);
  expect(FakeSocket.opened.map((socket) => socket.url)).toEqual(["ws://koi.test/api/v1/live?ticket=t1", "ws://koi.test/api/v1/live?ticket=t2&after=10"]);
  last().open();
  for (const id of ["9", "10", "11", "100"]) last().say(id);
  expect(heard).toEqual(["9", "10", "11", "100"]);
  expect(states).toEqual(["open", "broken", "open"]);
});

it("does not resume from what is not kept", async () => {
  connect();
  await vi.advanceTimersByTimeAsync(0);
  last().open();
  last().say("900", "big_win");
  last().say("7");
  expect(heard).toEqual(["900", "7"]);
  last().close();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(last().url).toContain("after=7");
});

it.each([
  ["refused tickets", async () => Promise.reject(new Error("503"))],
  ["a socket that hangs", undefined],
])("comes back from %s when it is poked, and never after it was closed", async (_, ticket) => {
  const live = connect(ticket);
  await vi.advanceTimersByTimeAsync(8_000);
  expect(live.state).toBe("broken");
  const before = FakeSocket.opened.length;
  live.poke();
  await vi.advanceTimersByTimeAsync(0);
  expect(FakeSocket.opened.length).toBe(ticket ? before : before + 1);
  live.close();
  const closed = FakeSocket.opened.length;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(FakeSocket.opened.length).toBe(closed);
});

it("is broken when the network is gone, and back with it", async () => {
  const live = connect();
  await vi.advanceTimersByTimeAsync(0);
  last().open();
  dispatchEvent(new Event("offline"));
  expect(live.state).toBe("broken");
  dispatchEvent(new Event("online"));
  await vi.advanceTimersByTimeAsync(0);
  last().open();
  expect([live.state, FakeSocket.opened.length]).toEqual(["open", 2]);
  live.close();
});

it("takes a socket for dead that should speak and does not", async () => {
  const live = connect(undefined, { silentMs: 5_000 });
  await vi.advanceTimersByTimeAsync(0);
  last().open();
  await vi.advanceTimersByTimeAsync(4_000);
  last().say("1", "campaign.figures");
  await vi.advanceTimersByTimeAsync(4_000);
  expect(live.state).toBe("open");
  await vi.advanceTimersByTimeAsync(1_000);
  expect(live.state).toBe("broken");
  await vi.advanceTimersByTimeAsync(1_000);
  expect(FakeSocket.opened.length).toBe(2);
  live.close();
});

it("ignores what is no message", async () => {
  connect();
  await vi.advanceTimersByTimeAsync(0);
  for (const data of ["", "{", "[]", '{"id":1,"type":"x"}']) last().dispatchEvent(new MessageEvent("message", { data }));
  expect(heard).toEqual([]);
});
