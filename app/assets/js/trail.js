// trail(registry, done, now) -> {passed, flows}: what the way from step to step went through.
// The log knows who did what; gateways, events and calls between two steps are found in the diagram.
const isFlow = (connection) => connection.type === 'bpmn:SequenceFlow';
const isSilent = (shape) => /Gateway$|Event$|CallActivity$/.test(shape.type);

// The ways out of a shape: its flows, and those of the events that stand on its border.
const waysOut = (shape) => [shape, ...(shape.attachers ?? [])].flatMap((each) => each.outgoing.filter(isFlow));

// The shortest way between two shapes that no other step stands in: [{flow, to}], or null.
function wayBetween(from, isThere) {
  const seen = new Set(), waiting = [{ shape: from, way: [] }];
  for (const { shape, way } of waiting) {
    for (const flow of waysOut(shape)) {
      const to = flow.target, further = [...way, { flow, to }];
      if (isThere(to)) return further;
      if (seen.has(to) || !isSilent(to)) continue;
      seen.add(to);
      waiting.push({ shape: to, way: further });
    }
  }
  return null;
}

export function trail(registry, done, now) {
  const known = (ids) => ids.map((id) => registry.get(id)).filter(Boolean);
  const steps = known(done), starts = registry.filter((each) => each.type === 'bpmn:StartEvent' && !each.host);
  const passed = new Set(), flows = new Set();
  const walk = (before, isThere) => {
    for (const from of before) {
      const way = wayBetween(from, isThere);
      if (!way) continue;
      for (const { flow, to } of way) { flows.add(flow.id); passed.add(to.id); }
      if (starts.includes(from) || from.type === 'bpmn:BoundaryEvent') passed.add(from.id);
      return;
    }
  };
  // What a step follows is the latest one before it from which it can be reached.
  steps.forEach((step, place) => walk([...steps.slice(0, place).reverse(), ...starts], (to) => to === step));
  for (const open of known(now)) walk([...[...steps].reverse(), ...starts], (to) => to === open);
  for (const shape of known(now)) passed.delete(shape.id);
  return { passed: [...passed], flows: [...flows] };
}
