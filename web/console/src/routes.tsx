import { createBrowserRouter, Navigate, type RouteObject } from "react-router";
import { Broken, Guard } from "./parts/Guard";
import { Layout } from "./parts/Layout";

/** Where the console lives; the page itself in development, where no server answers for the folder. */
const BASE = location.pathname.startsWith("/console.html") ? "/console.html" : "/console";

// Each page is a chunk of its own: the first view downloads only what it shows.
const pages: RouteObject[] = [
  { index: true, lazy: async () => ({ Component: (await import("./pages/Dashboard")).Dashboard }) },
  { path: "campaigns", lazy: async () => ({ Component: (await import("./pages/Campaigns")).Campaigns }) },
  { path: "campaigns/new", lazy: async () => ({ Component: (await import("./pages/campaign/NewCampaign")).NewCampaign }) },
  {
    path: "campaigns/:id",
    lazy: async () => ({ Component: (await import("./pages/campaign/CampaignFrame")).CampaignFrame }),
    children: [
      { index: true, lazy: async () => ({ Component: (await import("./pages/campaign/Overview")).Overview }) },
      { path: "design", lazy: async () => ({ Component: (await import("./pages/campaign/Design")).Design }) },
      { path: "flow", lazy: async () => ({ Component: (await import("./pages/flow/FlowPage")).FlowPage }) },
      { path: "rehearse", lazy: async () => ({ Component: (await import("./pages/campaign/Rehearsal")).RehearsalPage }) },
      { path: "draws", lazy: async () => ({ Component: (await import("./pages/campaign/Lists")).Draws }) },
      { path: "awards", lazy: async () => ({ Component: (await import("./pages/campaign/Lists")).Awards }) },
      { path: "orders", lazy: async () => ({ Component: (await import("./pages/campaign/Lists")).Orders }) },
      { path: "strategies", lazy: async () => ({ Component: (await import("./pages/campaign/Strategies")).Strategies }) },
      { path: "drawing", lazy: async () => ({ Component: (await import("./pages/campaign/Drawing")).Drawing }) },
      { path: "versions", lazy: async () => ({ Component: (await import("./pages/campaign/Versions")).Versions }) },
      { path: "rules", lazy: async () => ({ Component: (await import("./pages/campaign/RulesPage")).RulesPage }) },
      { path: "codes", lazy: async () => ({ Component: (await import("./pages/campaign/Codes")).Codes }) },
      { path: "coupons", lazy: async () => ({ Component: (await import("./pages/campaign/CouponPools")).CouponPools }) },
      { path: "refunds", lazy: async () => ({ Component: (await import("./pages/campaign/Refunds")).Refunds }) },
    ],
  },
  { path: "shoppers", lazy: async () => ({ Component: (await import("./pages/people/Shoppers")).Shoppers }) },
  { path: "shoppers/:shopper", lazy: async () => ({ Component: (await import("./pages/people/Shopper")).Shopper }) },
  { path: "exchange", lazy: async () => ({ Component: (await import("./pages/desk/Exchange")).Exchange }) },
  { path: "held", lazy: async () => ({ Component: (await import("./pages/desk/HeldAwards")).HeldAwards }) },
  { path: "segments", lazy: async () => ({ Component: (await import("./pages/desk/Segments")).Segments }) },
  { path: "models", lazy: async () => ({ Component: (await import("./pages/desk/Models")).Models }) },
  { path: "deliveries", lazy: async () => ({ Component: (await import("./pages/desk/Deliveries")).Deliveries }) },
  { path: "webhooks", lazy: async () => ({ Component: (await import("./pages/desk/Webhooks")).Webhooks }) },
  { path: "operators", lazy: async () => ({ Component: (await import("./pages/desk/Operators")).Operators }) },
  { path: "operators/:id", lazy: async () => ({ Component: (await import("./pages/desk/Operator")).OperatorPage }) },
  { path: "api-keys", lazy: async () => ({ Component: (await import("./pages/desk/ApiKeys")).ApiKeys }) },
  { path: "audit", lazy: async () => ({ Component: (await import("./pages/desk/Audit")).Audit }) },
  { path: "engines", lazy: async () => ({ Component: (await import("./pages/desk/Engines")).Engines }) },
  { path: "account", lazy: async () => ({ Component: (await import("./pages/desk/Account")).Account }) },
];

/** What stands while the first chunk comes: nothing, for a blink. */
function Blank() {
  return null;
}

export const router = createBrowserRouter(
  [
    { path: "/login", lazy: async () => ({ Component: (await import("./pages/Login")).Login }), ErrorBoundary: Broken, HydrateFallback: Blank },
    {
      path: "/",
      element: (
        <Guard>
          <Layout />
        </Guard>
      ),
      ErrorBoundary: Broken,
      HydrateFallback: Blank,
      children: [{ ErrorBoundary: Broken, children: [...pages, { path: "*", element: <Navigate to="/" replace /> }] }],
    },
  ],
  { basename: BASE },
);
