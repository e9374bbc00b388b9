import type { GameTexts } from "../games/game";

/** The words of the games in Chinese, for the page and the element. */
export const GAMES_ZH: GameTexts = {
  draw: "抽奖",
  locked: "未解锁",
  scratch: "刮 一 刮",
  scratchHint: "好运就在下面",
  reveal: "直接刮开",
  egg: (number) => `砸第 ${number} 个金蛋`,
  wheel: "转盘上的奖品",
  reels: "老虎机的三个转轮",
};
