import { createKoi, memoryStore, type PendingStore } from "@koi/client";
import { describe, expect, it, vi } from "vitest";
import { DrawEngine, type Draw, type DrawBody, type DrawState } from "./engine";

const CAMPAIGN = "77";
const NAME = "koi.draw.77.ada";

/** A server that keeps results by key, as the real one does, with what a test wants to go wrong. */
class Server {
  readonly byKey = new Map<string, { body: string; answer: unknown }>();
  readonly keys: string[] = [];
  n = 0;
  /** One entry per attempt: `lost` draws and loses the answer, `down` does nothing, a code refuses. */
  script: string[] = [];

  readonly fetch = async (request: Request): Promise<Response> => {
    const key = request.headers.get("idempotency-key") ?? "";
    this.keys.push(key);
    const step = this.script.shift() ?? "ok";
    if (step === "down") throw new TypeError("Failed to fetch");
    if (!["ok", "lost"].includes(step)) {
      const status = step === "unavailable" ? 503 : step === "unauthorized" ? 401 : 409;
      return Response.json({ code: step, detail: step }, { status });
    }
    const body = await request.text();
    const known = this.byKey.get(key);
    const { count = 1, client_seed } = JSON.parse(body) as DrawBody;
    const make = (): Draw => draw((this.n += 1), client_seed);
    const answer = known?.answer ?? (count > 1 ? { draws: Array.from({ length: count }, make) } : make());
    this.byKey.set(key, { body, answer });
    if (step === "lost") throw new TypeError("Failed to fetch");
    return Response.json(answer, { status: 201 });
  };
}

function draw(n: number, seed: string): Draw {
  return {
    id: String(n),
    campaign_id: CAMPAIGN,
    n,
    slot: 0,
    pool: "all",
    prize: { code: "cup", name: "Cup", kind: "goods", category: "", value_cents: 1 },
    award: null,
    chances_left: 0,
    drawn_at: "2026-01-01T00:00:00Z",
    receipt: { client_seed: seed } as unknown as Draw["receipt"],
  };
}

function page(server: Server, store: PendingStore) {
  const states: DrawState[] = [];
  const client = createKoi({ baseUrl: "http://koi.test", fetch: server.fetch });
  const engine = new DrawEngine({ client, campaign: CAMPAIGN, who: "ada", store, onState: (state) => states.push(state), backoffMs: () => 0 });
  return { engine, states };
}

const drawnOf = (state: DrawState) => (state.phase === "drawn" ? state.draws.map((each) => each.n) : state.phase);

describe("a draw", () => {
  it("is one however often it is clicked", async () => {
    const server = new Server();
    const { engine } = page(server, memoryStore());
    await Promise.all([engine.draw(), engine.draw(), engine.draw(10)]);
    await engine.draw();
    expect(drawnOf(engine.current)).toEqual([1]);
    expect(server.n).toBe(1);
  });

  it.each([
    ["a lost answer", ["lost"]],
    ["a network that is away", ["down", "down", "down"]],
    ["a busy server", ["unavailable", "in_flight"]],
    ["all of it", ["down", "lost", "unavailable", "lost"]],
  ])("comes to one result through %s", async (_, script) => {
    const server = new Server();
    server.script = [...script];
    const { engine } = page(server, memoryStore());
    await engine.draw();
    expect(drawnOf(engine.current)).toEqual([1]);
    expect(server.n).toBe(1);
    expect(new Set(server.keys).size).toBe(1);
    expect(server.keys).toHaveLength(script.length + 1);
  });

  it("is shown by the page after a reload, and forgotten once it was", async () => {
    const server = new Server();
    const store = memoryStore();
    server.script = ["lost", ...Array.from({ length: 50 }, () => "down")];
    const before = page(server, store);
    void before.engine.draw();
    await vi.waitFor(() => expect(server.n).toBe(1));
    before.engine.close();
    server.script = [];
    const after = page(server, store);
    await after.engine.resume();
    await vi.waitFor(() => expect(drawnOf(after.engine.current)).toEqual([1]));
    expect(after.engine.current).toMatchObject({ resumed: true });
    after.engine.shown();
    await vi.waitFor(async () => expect(await store.read(NAME)).toBeUndefined());
    const last = page(server, store);
    await last.engine.resume();
    expect(last.engine.current.phase).toBe("idle");
    expect(server.n).toBe(1);
  });

  it("is the same in two tabs", async () => {
    const server = new Server();
    const store = memoryStore();
    const [a, b] = [page(server, store), page(server, store)];
    await Promise.all([a.engine.draw(), b.engine.draw()]);
    expect([drawnOf(a.engine.current), drawnOf(b.engine.current)]).toEqual([[1], [1]]);
    a.engine.shown();
    b.engine.shown();
    await vi.waitFor(() => expect(b.engine.current.phase).toBe("idle"));
    await b.engine.draw();
    expect(drawnOf(b.engine.current)).toEqual([2]);
    // What one tab has shown does not drop the other one's draw.
    a.engine.shown();
    expect(await store.read(NAME)).toBeDefined();
  });

  it.each([
    ["no_chances", true],
    ["unauthorized", false],
  ])("that is refused with %s forgets its key: %s", async (code, forgotten) => {
    const server = new Server();
    const store = memoryStore();
    server.script = [code];
    const { engine } = page(server, store);
    await engine.draw();
    await vi.waitFor(() => expect(engine.current).toMatchObject({ phase: "refused", problem: { code } }));
    expect((await store.read(NAME)) === undefined).toBe(forgotten);
  });

  it("of ten is whole in order, from messages that come before the answer", async () => {
    const server = new Server();
    server.script = Array.from({ length: 50 }, () => "down");
    const store = memoryStore();
    const { engine } = page(server, store);
    void engine.draw(3);
    await vi.waitFor(() => expect(server.keys.length).toBeGreaterThan(0));
    const seed = (await store.read<DrawBody>(NAME))?.body.client_seed ?? "";
    const tell = (n: number, of: string) => engine.hear({ id: String(n), type: "draw.result", at: "", data: draw(n, of) });
    tell(1, "another device's");
    tell(4, seed);
    tell(3, seed);
    expect(engine.current.phase).toBe("asking");
    tell(2, seed);
    expect(drawnOf(engine.current)).toEqual([2, 3, 4]);
  });
});
