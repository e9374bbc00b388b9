import { expect, it } from "vitest";
import { dayIn, monthOf } from "./days";

it.each([
  ["2026-02-28T15:59:59Z", "Asia/Shanghai", "2026-02-28"],
  ["2026-02-28T16:00:00Z", "Asia/Shanghai", "2026-03-01"],
  ["2026-02-28T16:00:00Z", "America/New_York", "2026-02-28"],
])("%s in %s is %s", (at, zone, day) => {
  expect(dayIn(new Date(at), zone)).toBe(day);
});

it.each([
  ["2026-02-10", 28, 6],
  ["2028-02-10", 29, 1],
  ["2026-06-30", 30, 0],
  ["2026-11-05", 30, 6],
])("the month of %s has %i days after %i columns", (day, count, lead) => {
  const month = monthOf(day);
  expect([month.days.length, month.lead, month.days[0]?.slice(8), month.days.at(-1)?.slice(0, 7)]).toEqual([count, lead, "01", day.slice(0, 7)]);
});
