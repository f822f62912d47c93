(function_item) @function
(closure_expression) @nest
[(struct_item) (enum_item) (trait_item) (impl_item)] @class
[
  (if_expression) (for_expression) (while_expression) (loop_expression) (match_expression)
] @branch
"else" @else
(binary_expression operator: ["&&" "||"]) @logic
[(return_expression) (try_expression)] @exit
[(break_expression) (continue_expression)] @loop_exit
(break_expression (label)) @jump
(continue_expression (label)) @jump
(use_declaration argument: (_) @import)
(mod_item name: (identifier) @module !body)
(field_expression value: (field_expression value: (field_expression))) @chain
(let_declaration pattern: (identifier) @assigned value: (_) @value)
