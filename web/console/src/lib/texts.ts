import { useTranslation } from "react-i18next";
import { texts } from "../texts";

type Pair = readonly [zh: string, en: string];
export interface Tree {
  readonly [key: string]: Pair | Tree;
}
type Keys<T, Prefix extends string = ""> = {
  [K in keyof T & string]: T[K] extends Pair ? `${Prefix}${K}` : Keys<T[K], `${Prefix}${K}.`>;
}[keyof T & string];

/** Every text of the console, by its dotted name. */
export type TextKey = Keys<typeof texts>;

function side(tree: Tree, at: 0 | 1): object {
  const entries = Object.entries(tree).map(([key, value]) => [key, Array.isArray(value) ? value[at] : side(value as Tree, at)]);
  return Object.fromEntries(entries) as object;
}

/** The texts by language, as i18next takes them. */
export const resources = { zh: side(texts as unknown as Tree, 0), en: side(texts as unknown as Tree, 1) };

export type Translate = (key: TextKey, values?: Record<string, string | number>) => string;

/** Texts in the language of now, with its name. */
export function useTexts(): { t: Translate; word: (group: string, name: string) => string; language: string } {
  const { t, i18n } = useTranslation();
  const translate: Translate = (key, values) => String(t(key, values));
  // A word of the server that this build does not know is shown as it came.
  const word = (group: string, name: string) => {
    const key = `${group}.${name}`;
    return i18n.exists(key) ? String(t(key as TextKey)) : name.replaceAll("_", " ");
  };
  return { t: translate, word, language: i18n.language };
}
