import { expect, it } from "vitest";
import { money, number, percent } from "./format";

it.each([
  [number(0, "zh"), "0"],
  [number(999, "en"), "999"],
  [number(1_000, "en"), "1,000"],
  [number(1_234_567, "zh"), "1,234,567"],
  [number(12.5, "en"), "12.5"],
  [number(-7, "en"), "-7"],
  [money(3_900, "CNY", "zh"), "¥39"],
  [money(3_905, "CNY", "zh"), "¥39.05"],
  [money(500, "JPY", "en"), "¥500"],
  [percent("0.010989", "en"), "1.1%"],
  [percent("0.000123", "en"), "0.0123%"],
])("%s is %s", (said, want) => expect(said).toBe(want));
