import { expect, it } from "vitest";
import { tokenEnds, whoseToken } from "./who";

const base64url = (text: string) => btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const koi = (id: number, ends: number, mac: string) =>
  `kst_${base64url(String.fromCharCode(1, 0, 0, 0, 0, 0, 0, 0, id, 0, 0, 0, 0, 0, 0, 0, ends) + mac.padEnd(16, "x"))}`;
const jwt = (claims: object) => `e30.${base64url(JSON.stringify(claims))}.sig`;

it.each([
  ["two tokens of one shopper", koi(7, 1, "a"), koi(7, 2, "b"), true],
  ["two shoppers", koi(7, 1, "a"), koi(8, 1, "a"), false],
  ["a renewed JWT", jwt({ sub: "ada", exp: 1 }), jwt({ sub: "ada", exp: 2 }), true],
  ["JWTs of two shoppers", jwt({ sub: "ada" }), jwt({ sub: "bob" }), false],
  ["a subject at two issuers", jwt({ iss: "a", sub: "ada" }), jwt({ iss: "b", sub: "ada" }), false],
  ["what cannot be read", "???", "kst_%%%", false],
])("%s", (_, a, b, same) => {
  expect(whoseToken(a) === whoseToken(b)).toBe(same);
});

it("tells when a token ends", () => {
  expect(tokenEnds(koi(7, 9, "a"))).toBe(9000);
  expect(tokenEnds("kst_%%%")).toBeUndefined();
});
