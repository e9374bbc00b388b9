import { expect, it } from "vitest";
import { createKoi, must } from "./http";
import { Problem } from "./problem";

const path = { params: { path: { id: "1" } } };

it("sends who calls, and the CSRF token only with changes", async () => {
  const sent: [string, string | null, string | null][] = [];
  const koi = createKoi({
    baseUrl: "http://koi.test",
    token: () => "kst_x",
    csrfToken: () => "csrf",
    fetch: async (request) => {
      sent.push([request.method, request.headers.get("authorization"), request.headers.get("x-csrf-token")]);
      return Response.json({});
    },
  });
  await koi.GET("/api/v1/campaigns/{id}/me", path);
  await koi.POST("/api/v1/campaigns/{id}/pause", path);
  expect(sent).toEqual([
    ["GET", "Bearer kst_x", null],
    ["POST", "Bearer kst_x", "csrf"],
  ]);
});

it.each([
  ["a refusal", async () => Response.json({ code: "unauthorized", detail: "x" }, { status: 401 }), "unauthorized", 1],
  ["no network", async () => Promise.reject(new TypeError("Failed to fetch")), "network", 0],
])("throws a problem for %s", async (_, fetch, code, unauthorized) => {
  let calls = 0;
  const koi = createKoi({ baseUrl: "http://koi.test", fetch, onUnauthorized: () => void (calls += 1) });
  const thrown: unknown = await must(koi.GET("/api/v1/campaigns/{id}/me", path)).catch((problem: unknown) => problem);
  expect(thrown).toBeInstanceOf(Problem);
  expect([(thrown as Problem).code, calls]).toEqual([code, unauthorized]);
});
