[(method) (singleton_method)] @function
[(class) (module)] @class
[(lambda) (do_block) (block)] @nest
[
  (if) (unless) (while) (until) (for) (case) (rescue) (conditional)
  (if_modifier) (unless_modifier) (while_modifier) (until_modifier)
] @branch
[(elsif) (else)] @else
(binary operator: ["&&" "||" "and" "or"]) @logic
(begin) @block
[(return) (yield)] @exit
[(break) (next) (redo)] @loop_exit
(call
  method: (identifier) @_called
  arguments: (argument_list . (string (string_content) @import))
  (#match? @_called "^require(_relative)?$"))
(assignment left: (identifier) @assigned right: (_) @value)
