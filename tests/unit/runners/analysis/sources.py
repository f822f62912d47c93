"""The same function in each language: what it counts is known by hand."""

from __future__ import annotations

from lemnos.domains.analysis.facts import Facts
from lemnos.domains.analysis.ports import Source
from lemnos.runners.analysis.measuring import measure

# if (1) with && (1), for (2), inner if (3), else (1): cognitive 8; decisions 4, so cyclomatic 5;
# nested three deep.
SAME = {
    "python": """
def pick(a, b):
    if a and b:
        for x in a:
            if x:
                b += 1
            else:
                b -= 1
    return b
""",
    "javascript": """
function pick(a, b) {
  if (a && b) {
    for (const x of a) {
      if (x) { b += 1; } else { b -= 1; }
    }
  }
  return b;
}
""",
    "go": """
package shop
func Pick(a []int, b int) int {
	if a != nil && b > 0 {
		for _, x := range a {
			if x > 0 { b += 1 } else { b -= 1 }
		}
	}
	return b
}
""",
    "java": """
package shop;
class Shop {
  int pick(int[] a, int b) {
    if (a != null && b > 0) {
      for (int x : a) {
        if (x > 0) { b += 1; } else { b -= 1; }
      }
    }
    return b;
  }
}
""",
    "rust": """
fn pick(a: &[i32], mut b: i32) -> i32 {
    if a.len() > 0 && b > 0 {
        for x in a {
            if *x > 0 { b += 1; } else { b -= 1; }
        }
    }
    b
}
""",
    "c": """
int pick(int *a, int b) {
  if (a && b) {
    for (int i = 0; i < 9; i++) {
      if (a[i]) { b += 1; } else { b -= 1; }
    }
  }
  return b;
}
""",
    "ruby": """
def pick(a, b)
  if a && b
    for x in a
      if x
        b += 1
      else
        b -= 1
      end
    end
  end
  b
end
""",
    "c_sharp": """
class Shop {
  int Pick(int[] a, int b) {
    if (a != null && b > 0) {
      foreach (var x in a) {
        if (x > 0) { b += 1; } else { b -= 1; }
      }
    }
    return b;
  }
}
""",
}
SAME["typescript"] = SAME["tsx"] = SAME["javascript"].replace("a, b)", "a: number[], b: number)")
SAME["cpp"] = SAME["c"]


def facts_of(language: str, text: str | bytes) -> Facts:
    """A text measured in this process."""
    content = text if isinstance(text, bytes) else text.encode()
    return measure(Source("", language, content))
