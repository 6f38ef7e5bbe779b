// The workflow as a graph: states by form and colour, the running path, how long each step took. A node chooses its step.
import { useMemo, useRef } from 'preact/hooks';
import { formatElapsed } from '../../src/core/duration.ts';
import { duration } from '../model/format.ts';
import { type GraphNode, layoutGraph } from '../model/graph.ts';
import { isSamePlan, nodeHeight, nodeWidth, placeSteps } from '../model/place-steps.ts';
import { elapsedMs, type Step, type StepState, stateWord, stepState } from '../model/run.ts';
import { toggled } from '../output/line.ts';
import { glyphOf } from './parts.tsx';

export function Graph(props: {
  steps: readonly Step[];
  chosen: readonly string[];
  nowMs: number;
  /** @param steps what is to be chosen in place of what was */
  onChoose: (steps: readonly string[]) => void;
}) {
  const { steps, chosen } = props;
  const plan = usePlan(steps);
  const placed = useMemo(() => placeSteps(plan), [plan]);
  const graph = useMemo(() => layoutGraph(steps, placed), [steps, placed]);
  // One element a state: a graph can have thousands of arrows.
  const arrows = [...Map.groupBy(graph.edges, ({ state }) => state)];
  return (
    <div class="graph" tabIndex={0} role="group" aria-label="Workflow graph">
      <svg width={graph.width} height={graph.height} viewBox={`0 0 ${graph.width} ${graph.height}`}>
        {arrows.map(([state, edges]) => (
          <path key={state} class={`edge ${state}`} d={edges.map(({ path }) => path).join('')} />
        ))}
        {graph.nodes.map((node) => (
          <Node
            key={node.step.id}
            node={node}
            chosen={chosen.includes(node.step.id)}
            nowMs={props.nowMs}
            onChoose={(add) => {
              const { id } = node.step;
              if (add) props.onChoose(toggled(chosen, id));
              else props.onChoose(chosen.length === 1 && chosen[0] === id ? [] : [id]);
            }}
          />
        ))}
      </svg>
    </div>
  );
}

/** The steps as they were when the plan was last another one: an event changes the state of steps, and not where they are drawn. */
function usePlan(steps: readonly Step[]): readonly Step[] {
  const plan = useRef(steps);
  if (!isSamePlan(plan.current, steps)) plan.current = steps;
  return plan.current;
}

function Node(props: {
  node: GraphNode;
  chosen: boolean;
  nowMs: number;
  /** @param add beside what is chosen already */
  onChoose: (add: boolean) => void;
}) {
  const { step, x, y } = props.node;
  const state = seenState(step);
  return (
    <g
      class={`node s-${state} ${props.chosen ? 'chosen' : ''}`}
      transform={`translate(${x} ${y})`}
      role="button"
      tabindex={0}
      aria-pressed={props.chosen}
      aria-label={spoken(step, props.nowMs)}
      onClick={(event) => props.onChoose(event.ctrlKey || event.metaKey || event.shiftKey)}
      onKeyDown={(event) => {
        if (event.key !== 'Enter' && event.key !== ' ') return;
        event.preventDefault();
        props.onChoose(event.shiftKey);
      }}
    >
      <rect class="box" width={nodeWidth} height={nodeHeight} rx="7" />
      <svg class={`glyph s-${state}`} x="9" y="15" width="16" height="16" viewBox="0 0 16 16">
        {glyphOf(state)}
      </svg>
      <text class="name" x="33" y="19">
        {short(step.name)}
      </text>
      {/* Keeps the two texts two words for screen readers. */ ' '}
      <text class="sub" x="33" y="35">
        {detail(step, props.nowMs)}
      </text>
    </g>
  );
}

/** A step that hangs looks like that, whatever its own state. */
function seenState(step: Step): StepState | 'stuck' {
  return step.waitsFor?.kind === 'stall' ? 'stuck' : stepState(step);
}

/** Begins with what is seen, so that a person who speaks to the page can say it. */
function spoken(step: Step, nowMs: number): string {
  const rest = [
    stateWord(seenState(step)),
    step.outcome === null || step.outcome.kind === 'success' ? '' : step.outcome.message,
    step.warning === '' ? '' : `warnings: ${step.warning}`,
    short(step.name) === step.name ? '' : step.name,
  ];
  return [`${short(step.name)} ${detail(step, nowMs)}`, ...rest.filter((text) => text !== '')].join(', ');
}

function detail(step: Step, nowMs: number): string {
  const attempts = step.attempts.length > 1 ? `, ${step.attempts.length} attempts` : '';
  return `${step.kind === 'claude' ? 'Claude · ' : ''}${took(step, nowMs)}${attempts}`;
}

function took(step: Step, nowMs: number): string {
  const state = stepState(step);
  if (state === 'planned' || state === 'skip' || state === 'reused') return stateWord(state);
  const took = elapsedMs(step, nowMs);
  return state === 'running' && took !== undefined ? formatElapsed(took) : duration(took);
}

/** As much as fits into a node at its font size. */
function short(name: string): string {
  return name.length > 21 ? `${name.slice(0, 20)}…` : name;
}
