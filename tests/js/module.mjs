/** Imports a widget's module as a page gets it: with those that it imports inside. */
import { readFileSync } from "node:fs";

const read = (name) => readFileSync(new URL(`../../enas_viz/static/${name}`, import.meta.url), "utf8");
const address = (text) => `data:text/javascript;base64,${Buffer.from(text).toString("base64")}`;

const whole = (name) => address(read(name).replace(/"\.\/(\w+\.js)"/g, (_, file) => `"${whole(file)}"`));

export const load = (name) => import(whole(name));
