import { date } from "./format";

/** The server says why in English; these are its sentences in Chinese. What is none of them (a language model's own words) stays. */
const CHINESE: readonly [RegExp, (found: RegExpExecArray) => string][] = [
  [/^because you bought it on (\S+)$/, ([, at]) => `你在 ${at} 买过它`],
  [/^because you bought it (\d+) times, last on (\S+)$/, ([, times, at]) => `你买过 ${times} 次，最近一次是 ${at}`],
  [/^because you bought (.+) on (\d{4}-\d\d-\d\d)$/, ([, item, at]) => `你在 ${at} 买过「${item}」`],
  [/^because you looked at it on (\S+)$/, ([, at]) => `你在 ${at} 看过它`],
  [/^because you searched for it on (\S+)$/, ([, at]) => `你在 ${at} 搜索过它`],
  [/^because you rated it well on (\S+)$/, ([, at]) => `你在 ${at} 给过它好评`],
  [/^because shoppers like you bought it$/, () => "和你口味相近的人也买它"],
  [/^popular$/, () => "很多人喜欢它"],
];

function chinese(reason: string): string {
  for (const [sentence, say] of CHINESE) {
    const found = sentence.exec(reason);
    if (found) return say(found);
  }
  return reason;
}

/** Why a prize was chosen, in the page's language, with its day as people write it. */
export function reasonText(reason: string, language: string): string {
  const said = language.startsWith("zh") ? chinese(reason) : reason;
  return said.replace(/\b\d{4}-\d\d-\d\d\b/, (at) => date(`${at}T00:00:00Z`, language, "UTC"));
}
