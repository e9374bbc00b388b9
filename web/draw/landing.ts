import type { Schema } from "@koi/client";
import type { Draw } from "./engine";

type Slot = Schema<"Slot">;

export const isWin = (draw: Draw): boolean => draw.prize.kind !== "none";

/** The place that shows what was won: the one that was hit, where it shows that prize, else another that does, else the one hit. */
export function landingOf(draw: Draw, slots: readonly Slot[]): number {
  const hit = slots.findIndex((slot) => slot.index === draw.slot);
  if (slots[hit]?.prize.code === draw.prize.code) return hit;
  const same = slots.findIndex((slot) => slot.prize.code === draw.prize.code);
  return same >= 0 ? same : Math.max(0, hit);
}

/** The place that the roll hit, by the receipt, showed another prize: it was locked or sold out. */
export function isFallback(draw: Draw): boolean {
  const { shown, prize } = draw.receipt as { shown?: unknown; prize?: unknown };
  return typeof shown === "string" && typeof prize === "string" && shown !== prize;
}
