(function_definition) @function
(struct_specifier body: (_)) @class
[
  (if_statement) (for_statement) (while_statement) (do_statement) (switch_statement)
  (conditional_expression)
] @branch
"else" @else
(binary_expression operator: ["&&" "||"]) @logic
(return_statement) @exit
[(break_statement) (continue_statement)] @loop_exit
(goto_statement) @jump
(preproc_include path: (string_literal) @import)
(field_expression argument: (field_expression argument: (field_expression))) @chain
(init_declarator declarator: (identifier) @assigned value: (_) @value)
