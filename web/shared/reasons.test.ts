import { expect, it } from "vitest";
import { reasonText } from "./reasons";

it.each([
  ["because you bought it 6 times, last on 2026-11-13", "zh", "你买过 6 次，最近一次是 2026年11月13日"],
  ["because you bought it on 2026-11-03", "zh", "你在 2026年11月3日 买过它"],
  ["because you bought RED CUP on 2011-12-09", "zh", "你在 2011年12月9日 买过「RED CUP」"],
  ["because shoppers like you bought it", "zh", "和你口味相近的人也买它"],
  ["popular", "zh", "很多人喜欢它"],
  ["because you looked at it on 2026-11-13", "en", "because you looked at it on 13 Nov 2026"],
  ["popular", "en", "popular"],
  ["最近常看露营装备", "zh", "最近常看露营装备"],
] as const)("%s in %s", (reason, language, said) => {
  expect(reasonText(reason, language)).toBe(said);
});
