// The first run: whoever reads the log of the process makes the first administrator, once.

import assert from "node:assert/strict";
import { test } from "node:test";
import { enter, focused, look, press, shows, tabTo, type } from "../eyes.mjs";
import { Office, PASSWORD, until } from "../office.mjs";

export default (town) => {
  test("the first administrator is made by the code in the log, by keyboard alone", async () => {
    const office = await Office.found(60);
    try {
      await office.serve();
      const told = () => /输入启动码 ([0-9A-Z-]+)/.exec(office.log("serve"));
      const [, code] = await until("the log tells the code", 60, told);
      const page = await town.eyes.someone({ url: office.url });
      await page.goto("/setup");
      await look(page, "setup");
      const send = async (typed) => {
        const fields = { 启动码: typed, 姓名: "管理", 密码: PASSWORD, 再输入一次: PASSWORD };
        for (const [label, value] of Object.entries(fields)) {
          if (label === "启动码") {
            await page.getByLabel(label).focus();
            await focused(page, "#code");
          } else {
            await tabTo(page, label);
          }
          await type(page, value);
        }
        await tabTo(page, "创建");
        await enter(page);
      };
      await send("0000-0000-0000");
      await shows(page.getByRole("alert"), /启动码不对/);
      await look(page, "setup-wrong");
      await send(code.toLowerCase());
      await shows(page.getByRole("status"), /管理员已创建/);
      await page.getByLabel("姓名").fill("管理");
      await page.getByLabel("密码").fill(PASSWORD);
      await press(page, page.getByRole("button", { name: "登录" }));
      assert.equal(new URL(page.url()).pathname, "/");
      await look(page, "home-first-day");
      const answer = await page.goto("/setup");
      assert.equal(answer.status(), 404, "the code is used up");
    } finally {
      await office.close();
    }
  });
};
