/** A recorded policy in a page without a kernel: it answers what `draws.js` and the replay ask, as the kernel
 *  does in a notebook (`widgets/replay.py`). `policy` is `Policy.told()`. */
import { histogram, opened, walk } from "./policy.js";

const SAMPLES = 100, AT_ONCE = 5; // as many before the page is drawn again
const NAMES = { first: "before the search", final: "after the search" };
const FRESH = "A new sample of the recorded policy";

/** Steps as an episode tells them. */
export const told = (steps, more = {}) => ({ steps: steps.map(({ picks, logits }) => [picks, logits]), facts: "", note: "", ...more });

/** What the first steps picked, up to and with `step`: of an episode, or what the reader made of it. */
export const before = (episode, mine, step) => (mine.length ? mine : episode.steps.map(([picks]) => picks)).slice(0, step + 1);

function answers({ model }) {
  const [first, final] = Object.keys(NAMES).map((stage) => opened(model.get("policy"), stage));
  const recorded = model.get("origin")?.steps ? model.get("origin") : model.get("episode");
  let timer;

  /** Another episode, told from its first step on. */
  function play(episode) {
    for (const [name, value] of Object.entries({ playing: false, mine: [], guesses: {}, step: 0, episode })) model.set(name, value);
  }
  function count() {
    const walks = { first: [], final: [] };
    clearTimeout(timer);
    const some = () => {
      for (let k = 0; k < AT_ONCE; k++) {
        walks.first.push(walk(first));
        walks.final.push(walk(final));
      }
      if (walks.final.length < SAMPLES) return (timer = setTimeout(some));
      const series = Object.entries(NAMES).map(([stage, name]) => ({ name, steps: histogram(final, walks[stage]) }));
      model.set("counts", { samples: SAMPLES, series });
    };
    timer = setTimeout(some);
  }
  const hears = {
    sample: () => play(told(walk(final), { facts: FRESH, fresh: true })),
    recorded: () => play(recorded),
    continue: (step) => model.set("mine", walk(final, before(model.get("episode"), model.get("mine"), step)).map(({ picks }) => picks)),
    count,
    hide: () => model.set("counts", {}),
  };
  model.send = ({ ask, step }) => hears[ask]?.(step);
  const asked = () => {
    const mine = model.get("mine");
    model.set("answer", mine.length ? told(walk(final, mine)) : {});
  };
  model.on("change:mine", asked);
  return {
    end() {
      clearTimeout(timer);
      model.off("change:mine", asked);
    },
  };
}

export default answers;
