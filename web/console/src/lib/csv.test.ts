import { expect, it } from "vitest";
import { csvOf } from "./csv";

it.each([
  ["nothing", [], "\r\n"],
  ["members of members, lists, and what is missing", [{ id: "1", prize: { code: "cup" }, flags: ["a"] }, { id: "2", left: 3 }], 'id,prize.code,flags,left\r\n1,cup,"[""a""]",\r\n2,,,3\r\n'],
  ["quotes, commas and lines", [{ a: 'x "y", z', b: "l1\nl2" }], 'a,b\r\n"x ""y"", z","l1\nl2"\r\n'],
  ["what a spreadsheet would run", [{ a: "=1+1", b: "@x", c: -5, d: "-5" }], "a,b,c,d\r\n'=1+1,'@x,-5,'-5\r\n"],
])("%s", (_, rows, want) => expect(csvOf(rows)).toBe(want));
