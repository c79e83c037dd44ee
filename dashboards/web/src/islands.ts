// The islands: what pages gain where scripts run. Without them every page is complete; it only does not move by itself.
import "uplot/dist/uPlot.min.css";
import { Chart } from "./chart";
import { followKeys } from "./keys";
import { follow } from "./live";
import { countTime, rememberName } from "./small";

customElements.define("b-chart", Chart);
follow();
followKeys();
countTime();
rememberName();
