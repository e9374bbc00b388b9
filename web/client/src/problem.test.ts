import { describe, expect, it } from "vitest";
import { Problem } from "./problem";

const answer = (status: number, body: unknown, headers: Record<string, string> = {}) =>
  new Response(typeof body === "string" ? body : JSON.stringify(body), { status, headers });

describe("a problem", () => {
  it.each([
    ["a refusal", answer(409, { code: "no_chances", detail: "no chances left" }), "no_chances", undefined, false],
    ["a field", answer(422, { code: "invalid", detail: "x", field: "name" }), "invalid", "name", false],
    ["a busy server", answer(503, { code: "unavailable", detail: "x" }, { "retry-after": "2" }), "unavailable", undefined, true],
    ["the same key under way", answer(409, { code: "in_flight", detail: "x" }), "in_flight", undefined, true],
    ["a limit of the campaign", answer(429, { code: "limit_reached", detail: "x" }), "limit_reached", undefined, false],
    ["too many requests", answer(429, { code: "too_many_requests", detail: "x" }), "too_many_requests", undefined, true],
    ["a proxy's page", answer(502, "<html>"), "bad_answer", undefined, true],
    ["something that is no object", answer(400, [1]), "bad_answer", undefined, false],
  ])("reads %s", async (_, response, code, field, transient) => {
    const problem = await Problem.of(response);
    expect([problem.code, problem.field, problem.isTransient]).toEqual([code, field, transient]);
  });

  it("tells when to come back, in milliseconds", async () => {
    expect((await Problem.of(answer(503, {}, { "retry-after": "2" }))).retryAfterMs).toBe(2000);
    expect((await Problem.of(answer(503, {}, { "retry-after": "soon" }))).retryAfterMs).toBeUndefined();
  });

  it("knows nothing of what a lost request did", () => {
    const problem = Problem.from(new TypeError("Failed to fetch"));
    expect([problem.status, problem.code, problem.isTransient]).toEqual([0, "network", true]);
  });
});
