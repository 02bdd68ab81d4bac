// Signing in, being refused, signing out, and a page that waits behind the door.

import assert from "node:assert/strict";
import { test } from "node:test";
import { DESK, PHONE, look, press, shows } from "../eyes.mjs";
import { PASSWORD } from "../office.mjs";

/** Signs somebody in on a page of his own. */
export async function signed(town, name, options = {}) {
  const page = await town.eyes.someone(options);
  await page.goto("/login");
  await enter(page, name, PASSWORD);
  assert.equal(new URL(page.url()).pathname, "/", await page.innerText("main"));
  return page;
}

async function enter(page, name, password) {
  await page.getByLabel("姓名").fill(name);
  await page.getByLabel("密码").fill(password);
  await press(page, page.getByRole("button", { name: "登录" }));
}

export default (town) => {
  for (const size of [DESK, PHONE]) {
    test(`who signs in wrongly is told so, who signs out is out, ${size.width} px`, async () => {
      const page = await town.eyes.someone({ size });
      await page.goto("/accounts");
      assert.equal(new URL(page.url()).pathname, "/login", "nothing is shown to a stranger");
      await look(page, "login");
      await enter(page, "管理", `${PASSWORD}四`);
      await shows(page.getByRole("alert"), /姓名或密码不对/);
      assert.equal(await page.getByLabel("姓名").inputValue(), "管理", "the name stays");
      await look(page, "login-wrong");
      await enter(page, "管理", PASSWORD);
      assert.equal(new URL(page.url()).pathname, "/accounts", "where he wanted to go");
      await press(page, page.getByRole("button", { name: "退出" }));
      await shows(page.getByRole("status"), /已退出/);
      await page.goBack();
      await page.goto("/accounts");
      assert.equal(new URL(page.url()).pathname, "/login", "the session is over");
      await page.context().close();
    });
  }

  test("a page that is not there says so", async () => {
    const page = await town.eyes.someone();
    const answer = await page.goto("/nowhere");
    assert.equal(answer.status(), 404);
    await look(page, "not-found");
    await page.context().close();
  });
};
