import { useMemo } from "react";
import { theme as antdTheme, type ThemeConfig } from "antd";
import { useTheme } from "../../../shared/theme";

/**
 * The colours of the console: a koi pond. Deep water for what leads on, so that red stays free for what is dangerous; gold for what was
 * won. The order of `series` keeps neighbours apart for colour-blind readers too (checked as grey values).
 */
const LIGHT = {
  primary: "#0b6a6d",
  primaryHover: "#095659",
  link: "#0b6a6d",
  error: "#b3261e",
  success: "#1f7a4f",
  warning: "#9a5b00",
  page: "#f6f4ef",
  surface: "#ffffff",
  raised: "#ffffff",
  ink: "#1d2524",
  ink2: "#56605e",
  ink3: "#626c69",
  line: "#e3e0d8",
  series: ["#0b6a6d", "#d98a1f", "#c0402b", "#5b7fb9", "#7a5ba8", "#6f8f3a", "#a8577e", "#8a8378"],
  band: "rgb(11 106 109 / 14%)",
  // Grounds of tags and notes: antd mixes them from the colour itself, which turns dark tones into mud.
  successBg: "#e9f4ec", successLine: "#b9dcc6", warningBg: "#fdf3e0", warningLine: "#ecd09a", errorBg: "#fdeeec", errorLine: "#f0bdb7", infoBg: "#e6f3f2", infoLine: "#b4d9d7",
};

const DARK: typeof LIGHT = {
  primary: "#1b7f82",
  primaryHover: "#176d70",
  link: "#74cfcb",
  error: "#ff8f86",
  success: "#74cfa0",
  warning: "#f0b95e",
  page: "#0f1414",
  surface: "#171e1e",
  raised: "#1f2828",
  ink: "#e9efec",
  ink2: "#aab6b3",
  ink3: "#a0aca9",
  line: "#2b3635",
  series: ["#4fb8b4", "#e9b04e", "#f0786a", "#8fb0e6", "#b79be0", "#a9c46c", "#e29ab9", "#b5ada1"],
  band: "rgb(79 184 180 / 20%)",
  successBg: "#16291f", successLine: "#2c5240", warningBg: "#2e2414", warningLine: "#5c4722", errorBg: "#341a18", errorLine: "#6b3330", infoBg: "#132a2b", infoLine: "#27504f",
};

const FONT =
  'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "PingFang SC", "Hiragino Sans GB", "Noto Sans CJK SC", "Noto Sans SC", "Microsoft YaHei", sans-serif, "Apple Color Emoji", "Segoe UI Emoji", "Noto Color Emoji"';
const MONO = 'ui-monospace, "SF Mono", "Cascadia Code", Menlo, Consolas, "DejaVu Sans Mono", "Noto Sans Mono CJK SC", monospace';

export type Look = typeof LIGHT & { isDark: boolean; mono: string; font: string };

/** The colours of now, for charts and drawings. */
export function useLook(): Look {
  const { theme } = useTheme();
  return useMemo(() => ({ ...(theme === "dark" ? DARK : LIGHT), isDark: theme === "dark", mono: MONO, font: FONT }), [theme]);
}

/** antd's theme from the same colours. */
export function themeOf(look: Look): ThemeConfig {
  const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  return {
    algorithm: look.isDark ? antdTheme.darkAlgorithm : antdTheme.defaultAlgorithm,
    token: {
      // Its own switch: shortening its animations by style would leave menus where they are prepared, off the screen.
      motion: !isCalm,
      fontFamily: FONT,
      fontFamilyCode: MONO,
      fontSize: 14,
      borderRadius: 8,
      colorPrimary: look.primary,
      // Darker, not lighter as antd has it: white words on it stay readable (WCAG 1.4.3).
      colorPrimaryHover: look.primaryHover,
      colorLink: look.link,
      colorLinkHover: look.ink,
      colorError: look.error,
      colorSuccess: look.success,
      colorWarning: look.warning,
      colorInfo: look.link,
      colorBgLayout: look.page,
      colorBgContainer: look.surface,
      colorBgElevated: look.raised,
      colorText: look.ink,
      colorTextSecondary: look.ink2,
      colorTextTertiary: look.ink3,
      // antd's own are too faint to read on paper (WCAG 1.4.3).
      colorTextDescription: look.ink2,
      colorTextPlaceholder: look.ink3,
      colorTextQuaternary: look.ink3,
      colorTextDisabled: look.ink3,
      colorBorder: look.isDark ? "#3a4746" : "#d3cfc5",
      colorBorderSecondary: look.line,
      colorSplit: look.line,
      colorSuccessBg: look.successBg,
      colorSuccessBorder: look.successLine,
      colorWarningBg: look.warningBg,
      colorWarningBorder: look.warningLine,
      colorErrorBg: look.errorBg,
      colorErrorBorder: look.errorLine,
      colorInfoBg: look.infoBg,
      colorInfoBorder: look.infoLine,
      colorPrimaryBg: look.infoBg,
      colorPrimaryBorder: look.infoLine,
      controlItemBgActive: look.infoBg,
      controlItemBgActiveHover: look.infoBg,
      controlItemBgHover: look.isDark ? "#222c2b" : "#f3f1ea",
    },
    components: {
      Card: { headerFontSize: 15, headerHeight: 48 },
      Table: { headerBg: look.isDark ? "#1c2524" : "#faf8f3", headerColor: look.ink2, cellPaddingBlock: 10 },
      Tabs: { itemSelectedColor: look.link, inkBarColor: look.link, itemHoverColor: look.link, itemActiveColor: look.link },
      Steps: { colorPrimary: look.primary },
      Button: { primaryShadow: "none", defaultShadow: "none", dangerShadow: "none", colorErrorHover: look.error },
      Segmented: { itemSelectedColor: look.ink, itemColor: look.ink2 },
      Tag: { defaultBg: look.isDark ? "#222c2b" : "#f3f1ea", defaultColor: look.ink },
      Alert: { withDescriptionPadding: "12px 16px" },
    },
  };
}
