// The page of `archdsl serve`.

import { start } from "./page.js";
import { openSocket } from "./socket.js";

start(openSocket);
