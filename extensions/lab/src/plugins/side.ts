/** A panel in the left side bar, with its name, its command, and its place kept over reloads. */

import type { ILayoutRestorer, JupyterFrontEnd } from '@jupyterlab/application';
import type { ICommandPalette } from '@jupyterlab/apputils';
import type { LabIcon } from '@jupyterlab/ui-components';
import type { Widget } from '@lumino/widgets';

export interface ISidePanel {
  id: string;
  icon: LabIcon;
  /** What it is called, by a pointer that rests on it and by a screen reader. */
  name: string;
  /** Where in the bar: JupyterLab's own begin at 0 in steps of 100. */
  rank: number;
  /** The command that shows it. */
  command: string;
  label: string;
  /** Under which heading the palette lists it. */
  category: string;
}

export function addSidePanel(
  app: JupyterFrontEnd,
  panel: Widget,
  side: ISidePanel,
  palette: ICommandPalette | null,
  restorer: ILayoutRestorer | null
): void {
  panel.id = side.id;
  panel.title.icon = side.icon;
  panel.title.caption = side.name;
  panel.node.setAttribute('role', 'region');
  panel.node.setAttribute('aria-label', side.name);
  app.shell.add(panel, 'left', { rank: side.rank });
  restorer?.add(panel, side.id);
  app.commands.addCommand(side.command, {
    label: side.label,
    icon: side.icon,
    execute: () => {
      app.shell.activateById(side.id);
    }
  });
  palette?.addItem({ command: side.command, category: side.category });
}
