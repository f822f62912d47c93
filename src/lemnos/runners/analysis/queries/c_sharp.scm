[(method_declaration) (constructor_declaration) (local_function_statement)] @function
(lambda_expression) @nest
[
  (class_declaration) (interface_declaration) (struct_declaration) (record_declaration)
  (enum_declaration)
] @class
[
  (if_statement) (for_statement) (foreach_statement) (while_statement) (do_statement)
  (switch_statement) (switch_expression) (catch_clause) (conditional_expression)
] @branch
"else" @else
(binary_expression operator: ["&&" "||" "??"]) @logic
[(try_statement) (using_statement) (lock_statement)] @block
[(return_statement) (yield_statement)] @exit
[(break_statement) (continue_statement)] @loop_exit
(goto_statement) @jump
(using_directive (_) @import)
(namespace_declaration name: (_) @package)
(file_scoped_namespace_declaration name: (_) @package)
(member_access_expression
  expression: (member_access_expression expression: (member_access_expression))) @chain
