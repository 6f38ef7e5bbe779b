// The list of tasks that Claude Code keeps while it works, as its calls leave it: TodoWrite writes all of it, TaskCreate and TaskUpdate
// one task of it. Pure. Called by fold-conversation.ts with each call that has returned.
import { type JsonObject, objectsAt, textAt } from '../core/json.ts';

export type TaskItem = {
  readonly id: string;
  readonly text: string;
  readonly state: 'pending' | 'in_progress' | 'completed';
};

/** @param result the text of the call's result, which has the number of a new task */
export function changeTasks(
  tasks: readonly TaskItem[],
  tool: string,
  input: JsonObject,
  result: string,
): readonly TaskItem[] {
  switch (tool) {
    case 'TodoWrite':
      return objectsAt(input, 'todos').map((todo, index) => ({
        id: String(index + 1),
        text: textAt(todo, 'content') ?? '',
        state: stateOf(todo),
      }));
    case 'TaskCreate': {
      const id = /#(\d+)/.exec(result)?.[1] ?? String(tasks.length + 1);
      return [...tasks, { id, text: textAt(input, 'subject') ?? '', state: 'pending' }];
    }
    case 'TaskUpdate': {
      const id = textAt(input, 'taskId');
      if (input.status === 'deleted') return tasks.filter((task) => task.id !== id);
      return tasks.map((task) =>
        task.id === id
          ? { ...task, text: textAt(input, 'subject') ?? task.text, state: stateOf(input, task.state) }
          : task,
      );
    }
    default:
      return tasks;
  }
}

function stateOf(of: JsonObject, orElse: TaskItem['state'] = 'pending'): TaskItem['state'] {
  const { status } = of;
  return status === 'pending' || status === 'in_progress' || status === 'completed' ? status : orElse;
}
