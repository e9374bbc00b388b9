import type { GameTexts } from "../draw/games";
import { GAMES_EN } from "../draw/texts/en";
import { GAMES_ZH } from "../draw/texts/zh";
import type { Language } from "../shared/language";

/** The few words of the element. */
export interface EmbedTexts {
  games: GameTexts;
  left: (count: number) => string;
  asking: string;
  retrying: string;
  won: (prizes: string) => string;
  nothing: string;
  login: string;
  errors: Record<string, string>;
}

export const EMBED_TEXTS: Readonly<Record<Language, EmbedTexts>> = {
  zh: {
    games: GAMES_ZH,
    left: (count) => `还可抽 ${count} 次`,
    asking: "正在开奖…",
    retrying: "网络不稳，正在用同一凭据重试，不会重复抽奖…",
    won: (prizes) => `恭喜，抽中了 ${prizes}`,
    nothing: "这次没有中奖",
    login: "请先登录再来抽奖",
    errors: {
      no_chances: "抽奖次数用完了",
      limit_reached: "已达到抽奖次数上限",
      campaign_not_started: "活动还没有开始",
      campaign_paused: "活动暂停中",
      campaign_over: "活动已经结束",
      network: "网络连接失败",
      unavailable: "服务器忙，请稍后再试",
    },
  },
  en: {
    games: GAMES_EN,
    left: (count) => `${count} ${count === 1 ? "draw" : "draws"} left`,
    asking: "Drawing…",
    retrying: "The network is shaky. Trying again under the same key: you will not be drawn twice…",
    won: (prizes) => `You won ${prizes}`,
    nothing: "Nothing this time",
    login: "Please sign in to draw",
    errors: {
      no_chances: "You have no draws left",
      limit_reached: "You have reached the limit of draws",
      campaign_not_started: "The campaign has not started yet",
      campaign_paused: "The campaign is paused",
      campaign_over: "The campaign is over",
      network: "No connection",
      unavailable: "The server is busy, please try again in a moment",
    },
  },
};
