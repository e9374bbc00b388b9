import type { Schema } from "@koi/client";
import { makeEgg } from "./egg";
import type { MakeGame } from "./game";
import { makeGrid } from "./grid";
import { makeScratch } from "./scratch";
import { makeSlots } from "./slots";
import { makeWheel } from "./wheel";

/** Every game, in the order of the choice. */
export const GAMES = { grid: makeGrid, wheel: makeWheel, scratch: makeScratch, egg: makeEgg, slots: makeSlots } as const satisfies Record<string, MakeGame>;
export type GameKind = keyof typeof GAMES;

export function isGame(word: unknown): word is GameKind {
  return typeof word === "string" && Object.hasOwn(GAMES, word);
}

/** The game that a campaign's skin names; one that this build does not know is shown as the usual one. */
export function gameOf(skin: Schema<"CampaignSkin">): GameKind {
  return isGame(skin) ? skin : "grid";
}

export type { Game, GameSlot, GameTexts, Landing } from "./game";
