[(method_declaration) (constructor_declaration)] @function
(lambda_expression) @nest
[
  (class_declaration) (interface_declaration) (enum_declaration) (record_declaration)
] @class
[
  (if_statement) (for_statement) (enhanced_for_statement) (while_statement) (do_statement)
  (switch_expression) (catch_clause) (ternary_expression)
] @branch
"else" @else
(binary_expression operator: ["&&" "||"]) @logic
[(try_statement) (try_with_resources_statement)] @block
(return_statement) @exit
[(break_statement) (continue_statement)] @loop_exit
(break_statement (identifier)) @jump
(continue_statement (identifier)) @jump
(import_declaration) @import
(package_declaration (_) @package)
(field_access object: (field_access object: (field_access))) @chain
(local_variable_declaration
  declarator: (variable_declarator name: (identifier) @assigned value: (_) @value))
