// Accounts as the administrator keeps them, and what somebody sees of his own.

import assert from "node:assert/strict";
import { test } from "node:test";
import { look, press, shows } from "../eyes.mjs";
import { ROOT } from "../office.mjs";
import { signed } from "./signin.mjs";

export default (town) => {
  test("an administrator adds an account", async () => {
    const page = await signed(town, "管理");
    await press(page, page.getByRole("link", { name: "账号" }));
    await look(page, "accounts");
    const form = page.getByRole("region", { name: "新增账号" });
    await form.getByLabel("姓名").fill("王值班");
    await form.getByLabel("职责").selectOption("desk");
    await form.getByLabel("地点").fill(ROOT);
    await form.getByLabel("初始密码").fill("一句好记的很长很长的话");
    await press(page, form.getByRole("button", { name: "新增" }));
    await shows(page.locator("main"), /王值班[\s\S]*受理/);
    await look(page, "account");
    await page.goto("/me");
    await look(page, "me");
    await page.context().close();
  });

  test("who may not keep accounts is told whom to ask", async () => {
    const page = await signed(town, "周受理");
    const answer = await page.goto("/accounts");
    assert.equal(answer.status(), 403);
    await look(page, "refused");
    await page.context().close();
  });
};
