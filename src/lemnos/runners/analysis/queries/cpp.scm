(class_specifier body: (_)) @class
(lambda_expression) @nest
[(for_range_loop) (catch_clause)] @branch
(try_statement) @block
