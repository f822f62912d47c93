[(function_declaration) (method_declaration)] @function
(func_literal) @nest
(type_spec type: [(struct_type) (interface_type)]) @class
[
  (if_statement) (for_statement) (expression_switch_statement) (type_switch_statement)
  (select_statement)
] @branch
"else" @else
(binary_expression operator: ["&&" "||"]) @logic
(return_statement) @exit
[(break_statement) (continue_statement)] @loop_exit
(break_statement (label_name)) @jump
(continue_statement (label_name)) @jump
(goto_statement) @jump
(import_spec path: (_) @import)
(selector_expression operand: (selector_expression operand: (selector_expression))) @chain
(short_var_declaration
  left: (expression_list . (identifier) @assigned .)
  right: (expression_list . (_) @value .))
