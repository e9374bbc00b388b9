import type { GameTexts } from "../games/game";

/** The words of the games in English, for the page and the element. */
export const GAMES_EN: GameTexts = {
  draw: "Draw",
  locked: "Locked",
  scratch: "Scratch here",
  scratchHint: "Luck lies beneath",
  reveal: "Reveal",
  egg: (number) => `Crack egg ${number}`,
  wheel: "Prizes on the wheel",
  reels: "Three reels",
};
