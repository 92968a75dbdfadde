// Compiles the Python files of a folder with Pyodide's Python, in place: `node compile.mjs FOLDER`. A browser that had to
// do so would take longer to begin.

import { loadPyodide } from "pyodide";

const python = await loadPyodide();
python.mountNodeFS("/packages", process.argv[2]);
python.runPython(`
import compileall, py_compile
never = py_compile.PycInvalidationMode.UNCHECKED_HASH
assert compileall.compile_dir("/packages", quiet=1, invalidation_mode=never)
`);
