import { createContext, useContext, useEffect, useState, type ReactNode } from "react";
import { rememberLanguage, showLanguage, type Language } from "../shared/language";
import { loadTexts, type Texts } from "./texts";

interface Spoken {
  t: Texts;
  language: Language;
}

interface Words extends Spoken {
  choose: (language: Language) => void;
}

const Context = createContext<Words | undefined>(undefined);

/** Gives every component its words: those that are here at first, then those of the language that is chosen. */
export function LanguageProvider({ first, children }: { first: Spoken; children: ReactNode }) {
  const [spoken, setSpoken] = useState(first);
  const { language, t } = spoken;
  useEffect(() => {
    showLanguage(language);
    document.title = t.title;
  }, [language, t]);
  const choose = (next: Language) => {
    loadTexts(next).then(
      (words) => {
        rememberLanguage(next);
        setSpoken({ t: words, language: next });
      },
      // Without a network the page goes on in the language that it has.
      () => undefined,
    );
  };
  return <Context value={{ t, language, choose }}>{children}</Context>;
}

export function useWords(): Words {
  const words = useContext(Context);
  if (!words) throw new Error("outside of LanguageProvider");
  return words;
}
