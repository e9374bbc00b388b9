import { expect, it } from "vitest";
import { reasonText } from "./reasons";

it.each([
  ["you bought it 3 times", "zh", "你买过 3 次"],
  ["goes with CAKE STAND", "zh", "它常和你买的「CAKE STAND」一起被选中"],
  ["popular", "zh", "很多人喜欢它"],
  ["popular", "en", "popular"],
  ["最近常看露营装备", "zh", "最近常看露营装备"],
] as const)("%s in %s", (reason, language, said) => {
  expect(reasonText(reason, language)).toBe(said);
});
