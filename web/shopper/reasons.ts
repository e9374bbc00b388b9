import type { Language } from "../shared/language";

/** The server says why in English; these are its sentences in Chinese. What is none of them (a language model's own words) stays. */
const CHINESE: readonly [RegExp, (found: RegExpExecArray) => string][] = [
  [/^you bought it before$/, () => "你以前买过它"],
  [/^you bought it (\d+) times$/, ([, times]) => `你买过 ${times} 次`],
  [/^goes with (.+)$/, ([, item]) => `它常和你买的「${item}」一起被选中`],
  [/^shoppers like you bought it$/, () => "和你口味相近的人也买它"],
  [/^popular$/, () => "很多人喜欢它"],
];

/** Why a prize was chosen, in the page's language. */
export function reasonText(reason: string, language: Language): string {
  if (language === "en") return reason;
  for (const [sentence, say] of CHINESE) {
    const found = sentence.exec(reason);
    if (found) return say(found);
  }
  return reason;
}
