// The panel.
