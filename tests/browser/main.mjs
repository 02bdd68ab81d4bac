// The pages in real Chromium: one town, one night, a file a page in pages/. Every file gives one
// function that registers its tests; they run one after the other, in this order.
//     node tests/browser/main.mjs        with TONGLUO_PROGRAM, TONGLUO_BROWSER_PACKAGES set
// tests/run.sh builds, installs and sets what is needed: `tests/run.sh browser`.

import { after, before } from "node:test";
import { Eyes } from "./eyes.mjs";
import { Office } from "./office.mjs";
import accounts from "./pages/accounts.mjs";
import board from "./pages/board.mjs";
import desk from "./pages/desk.mjs";
import home from "./pages/home.mjs";
import keyboard from "./pages/keyboard.mjs";
import orders from "./pages/orders.mjs";
import resident from "./pages/resident.mjs";
import robots from "./pages/robots.mjs";
import round from "./pages/round.mjs";
import setup from "./pages/setup.mjs";
import signin from "./pages/signin.mjs";

const HOUSEHOLDS = 1200;
/** What all tests share: the office, the eyes, the grids by number, the night's order. */
const town = {};

before(async () => {
  town.office = await Office.open(HOUSEHOLDS);
  town.eyes = await Eyes.open(town.office.url);
  town.grids = town.office.places("grid");
  // Offered to leaders some twenty seconds from now, while the officials' pages are tested.
  const zones = town.office.roster("zones.csv").map((zone) => zone.code);
  town.alert = await town.office.release(town.grids, { zones });
});
after(async () => {
  await town.eyes?.close();
  await town.office?.close(process.exitCode > 0);
});

const pages = [
  setup, signin, home, accounts, keyboard, round, robots, resident, board, desk, orders,
];
for (const page of pages) page(town);
