import type { Language } from "../shared/language";

export type Texts = typeof import("./texts/zh").zh;

/** The words of a language: a chunk of its own, so that a phone loads one of them. */
export async function loadTexts(language: Language): Promise<Texts> {
  return language === "zh" ? (await import("./texts/zh")).zh : (await import("./texts/en")).en;
}

/** What a refusal says: our words for its code, else the server's. */
export function problemText(texts: Texts, problem: { code: string; message: string; status: number }): string {
  return texts.errors[problem.code] ?? (problem.status >= 500 ? texts.errors["unavailable"] : undefined) ?? problem.message;
}
