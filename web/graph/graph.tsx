// The workflow as a graph: states by form and colour, the running path, conditions, attempts, how long each step took. A node chooses
// its step. On a phone it is a list. Called by run.tsx.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { type GraphNode, layoutGraph } from '../model/graph.ts';
import { isSamePlan, nodeHeight, nodeWidth, placeSteps } from '../model/place-steps.ts';
import { type Step, stateWord } from '../model/run.ts';
import { toggled } from '../output/line.ts';
import { glyphOf, Icon, StatusGlyph } from '../views/parts.tsx';
import { detailOf, factsOf, seenState, shortName, spokenOf } from './step-text.ts';
import { useZoom } from './use-zoom.ts';

type Props = {
  readonly steps: readonly Step[];
  readonly chosen: readonly string[];
  readonly nowMs: number;
  /** @param steps what is to be chosen in place of what was */
  readonly onChoose: (steps: readonly string[]) => void;
};

const phone = matchMedia('(max-width: 640px)');
/** Names that are drawn smaller cannot be read. */
const readableScale = 0.45;

export function Graph(props: Props) {
  const [isPhone, setIsPhone] = useState(phone.matches);
  useEffect(() => {
    const look = (): void => setIsPhone(phone.matches);
    phone.addEventListener('change', look);
    return () => phone.removeEventListener('change', look);
  }, []);
  return isPhone ? <StepList {...props} /> : <Drawing {...props} />;
}

/** The steps to choose after a click or a key on one of them. @param add beside what is chosen already */
function chosenAfter(chosen: readonly string[], id: string, add: boolean): readonly string[] {
  if (add) return toggled(chosen, id);
  return chosen.length === 1 && chosen[0] === id ? [] : [id];
}

function StepList({ steps, chosen, nowMs, onChoose }: Props) {
  return (
    <ol class="graph step-list" aria-label="Steps of the workflow">
      {steps.map((step) => (
        <li key={step.id} class={`s-${seenState(step)}`}>
          <button
            type="button"
            aria-pressed={chosen.includes(step.id)}
            onClick={() => onChoose(chosenAfter(chosen, step.id, false))}
          >
            <StatusGlyph state={seenState(step)} />
            <span class="clip">{step.name}</span>
            <span class="grow" />
            <span class="muted tabular"> {detailOf(step, nowMs)}</span>
            <span class="sr-only">, {stateWord(seenState(step))}</span>
          </button>
        </li>
      ))}
    </ol>
  );
}

function Drawing({ steps, chosen, nowMs, onChoose }: Props) {
  const plan = usePlan(steps);
  const placed = useMemo(() => placeSteps(plan), [plan]);
  const graph = useMemo(() => layoutGraph(steps, placed), [steps, placed]);
  const area = useRef<HTMLDivElement>(null);
  const zoom = useZoom(area, placed);
  const [held, setHeld] = useState<string>();
  const [tip, setTip] = useState<string>();
  // One stop for Tab, as forty of them would be in the way; the arrows go from step to step.
  const stop = [held, ...chosen].find((id) => steps.some((step) => step.id === id)) ?? steps[0]?.id;
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const from = graph.nodes.find(({ step }) => step.id === stop);
    const next = from === undefined ? undefined : nodeBeside(graph.nodes, from, event.key);
    if (next !== undefined) {
      setHeld(next.step.id);
      area.current?.querySelector<SVGElement>(`[data-step="${CSS.escape(next.step.id)}"]`)?.focus();
    } else if (event.key === '+') zoom.zoomBy(1.25);
    else if (event.key === '-') zoom.zoomBy(0.8);
    else if (event.key === '0') zoom.fit();
    else if (event.key === 'Escape' && tip !== undefined) setTip(undefined);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  // One element a state: a graph can have thousands of arrows.
  const arrows = useMemo(() => [...Map.groupBy(graph.edges, ({ state }) => state)], [graph.edges]);
  const isFar = zoom.scale < readableScale;
  const shownStep = steps.find(({ id }) => id === tip);
  return (
    <div class="graph-pane">
      <div
        class={`graph ${isFar ? 'far' : ''}`}
        ref={area}
        role="group"
        aria-label="Workflow graph; arrows go from step to step, plus and minus zoom"
        style={{ maxHeight: `${zoom.maxHeight}px` }}
        onKeyDown={onKeyDown}
        onScroll={() => setTip(undefined)}
        onPointerLeave={() => setTip(undefined)}
      >
        <svg
          width={graph.width * zoom.scale}
          height={graph.height * zoom.scale}
          viewBox={`0 0 ${graph.width} ${graph.height}`}
        >
          {arrows.map(([state, edges]) => (
            <path key={state} class={`edge ${state}`} d={edges.map(({ path }) => path).join('')} />
          ))}
          {graph.nodes.map((node) => (
            <Node
              key={node.step.id}
              node={node}
              isChosen={chosen.includes(node.step.id)}
              isStop={node.step.id === stop}
              nowMs={nowMs}
              onChoose={(add) => onChoose(chosenAfter(chosen, node.step.id, add))}
              onHold={() => setHeld(node.step.id)}
              onTip={(isShown) => setTip(isShown ? node.step.id : undefined)}
            />
          ))}
        </svg>
      </div>
      <div class="graph-tools" role="group" aria-label="Zoom of the graph">
        <button type="button" class="icon" aria-label="Enlarge the graph" onClick={() => zoom.zoomBy(1.25)}>
          <Icon name="zoomIn" />
        </button>
        <button type="button" class="icon" aria-label="Shrink the graph" onClick={() => zoom.zoomBy(0.8)}>
          <Icon name="zoomOut" />
        </button>
        <button type="button" class="quiet" disabled={zoom.isFit} onClick={zoom.fit}>
          Fit
        </button>
      </div>
      {shownStep !== undefined && <Tip step={shownStep} steps={steps} area={area.current} nowMs={nowMs} />}
    </div>
  );
}

/** The nearest node in the direction of an arrow key; of those beside each other the one at the same height. */
function nodeBeside(nodes: readonly GraphNode[], from: GraphNode, key: string): GraphNode | undefined {
  const direction = directions[key];
  if (direction === undefined) return undefined;
  const [dx, dy] = direction;
  const away = (node: GraphNode): number => (node.x - from.x) * dx + (node.y - from.y) * dy;
  const aside = (node: GraphNode): number => Math.abs((node.x - from.x) * dy) + Math.abs((node.y - from.y) * dx);
  return (
    nodes
      // Up and down stay in the column.
      .filter((node) => away(node) > 0 && (dy === 0 || Math.abs(node.x - from.x) < nodeWidth))
      .toSorted((a, b) => away(a) + 2 * aside(a) - (away(b) + 2 * aside(b)))[0]
  );
}

const directions: Readonly<Record<string, readonly [number, number] | undefined>> = {
  ...{ ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] },
};

/** The steps as they were when the plan was last another one: an event changes the state of steps, and not where they are drawn. */
function usePlan(steps: readonly Step[]): readonly Step[] {
  const plan = useRef(steps);
  if (!isSamePlan(plan.current, steps)) plan.current = steps;
  return plan.current;
}

type NodeProps = {
  readonly node: GraphNode;
  readonly isChosen: boolean;
  /** Whether Tab stops here. */
  readonly isStop: boolean;
  readonly nowMs: number;
  readonly onChoose: (add: boolean) => void;
  readonly onHold: () => void;
  readonly onTip: (isShown: boolean) => void;
};

function Node(props: NodeProps) {
  const { node, isChosen, isStop } = props;
  const { step, x, y } = node;
  const latest = useRef(props);
  latest.current = props;
  // The clock of the page moves what runs, and nothing else: five hundred steps are not drawn again each second.
  const nowMs = step.startedAt !== null && step.durationMs === null ? props.nowMs : 0;
  return useMemo(() => {
    const state = seenState(step);
    return (
      <g
        class={`node s-${state} ${isChosen ? 'chosen' : ''} ${step.when === '' ? '' : 'conditional'}`}
        transform={`translate(${x} ${y})`}
        role="button"
        tabindex={isStop ? 0 : -1}
        data-step={step.id}
        aria-pressed={isChosen}
        aria-label={spokenOf(step, nowMs)}
        onFocus={() => {
          latest.current.onHold();
          latest.current.onTip(true);
        }}
        onBlur={() => latest.current.onTip(false)}
        onPointerEnter={() => latest.current.onTip(true)}
        onPointerLeave={() => latest.current.onTip(false)}
        onClick={(event) => latest.current.onChoose(event.ctrlKey || event.metaKey || event.shiftKey)}
        onKeyDown={(event) => {
          if (event.key !== 'Enter' && event.key !== ' ') return;
          event.preventDefault();
          latest.current.onChoose(event.shiftKey);
        }}
      >
        <rect class="box" width={nodeWidth} height={nodeHeight} rx="7" />
        {/* A condition: the step may be passed by. */}
        {step.when !== '' && <path class="condition" d={`M0 ${nodeHeight / 2 - 6}l6 6l-6 6l-6 -6z`} />}
        <svg class={`glyph s-${state}`} x="9" y="15" width="16" height="16" viewBox="0 0 16 16">
          {glyphOf(state)}
        </svg>
        <text class="name" x="33" y="19">
          {shortName(step.name)}
        </text>
        {/* Keeps the two texts two words for screen readers. */ ' '}
        <text class="sub" x="33" y="35">
          {detailOf(step, nowMs)}
        </text>
      </g>
    );
  }, [step, x, y, isChosen, isStop, nowMs]);
}

/** What a step is, under its node. A screen reader hears the same as the name of the node. */
function Tip(props: { step: Step; steps: readonly Step[]; area: HTMLElement | null; nowMs: number }) {
  const { step, steps, area } = props;
  const node = area?.querySelector(`[data-step="${CSS.escape(step.id)}"]`)?.getBoundingClientRect();
  if (node === undefined) return null;
  const names = new Map(steps.map(({ id, name }) => [id, name]));
  const left = Math.max(8, Math.min(node.left, innerWidth - 348));
  return (
    <div class="graph-tip" aria-hidden="true" style={{ left: `${left}px`, top: `${node.bottom + 6}px` }}>
      <strong>{step.name}</strong>
      <dl>
        {factsOf(step, names, props.nowMs).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
