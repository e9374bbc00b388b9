import { QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { Problem } from "@koi/client";
import { App as Antd, ConfigProvider } from "antd";
import enGB from "antd/locale/en_GB";
import zhCN from "antd/locale/zh_CN";
import dayjs from "dayjs";
import "dayjs/locale/zh-cn";
import timezone from "dayjs/plugin/timezone";
import utc from "dayjs/plugin/utc";
import { useEffect, useMemo } from "react";
import { useTranslation } from "react-i18next";
import { RouterProvider } from "react-router";
import { themeOf, useLook } from "./lib/look";
import { Questions } from "./parts/Questions";
import { router } from "./routes";

dayjs.extend(utc);
dayjs.extend(timezone);

/** Answers are taken for fresh so long; what changes by the second is asked for by its own page. */
const FRESH_MS = 5_000;
/** Tries of a question that failed for want of the network or of an engine. */
const TRIES = 2;

const queries = new QueryClient({
  queryCache: new QueryCache(),
  defaultOptions: {
    queries: {
      staleTime: FRESH_MS,
      retry: (count, error) => count < TRIES && Problem.from(error).isTransient,
      refetchOnWindowFocus: false,
    },
    mutations: { retry: false },
  },
});

export function App() {
  const { i18n } = useTranslation();
  const look = useLook();
  const theme = useMemo(() => themeOf(look), [look]);
  const isChinese = i18n.language === "zh";
  useEffect(() => {
    dayjs.locale(isChinese ? "zh-cn" : "en");
  }, [isChinese]);
  useEffect(() => {
    const style = document.documentElement.style;
    const named = {
      page: look.page, surface: look.surface, ink: look.ink, "ink-2": look.ink2, line: look.line, good: look.success, bad: look.error, gold: look.warning, band: look.band,
      "box-line": look.isDark ? "#5d6b69" : "#b9c0b8", "el-word": look.link, "el-text": look.isDark ? "#e9b04e" : "#8a4b00",
    };
    for (const [name, value] of Object.entries(named)) style.setProperty(`--k-${name}`, value);
    look.series.forEach((color, index) => style.setProperty(`--k-series-${index}`, color));
  }, [look]);
  return (
    <ConfigProvider locale={isChinese ? zhCN : enGB} theme={theme} button={{ autoInsertSpace: false }}>
      <Antd>
        <QueryClientProvider client={queries}>
          <RouterProvider router={router} />
          <Questions />
        </QueryClientProvider>
      </Antd>
    </ConfigProvider>
  );
}
