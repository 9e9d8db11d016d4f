-- The stock of the warehouse in Rønne.
SET search_path TO stock;

CREATE TABLE IF NOT EXISTS shelves (
    id          integer PRIMARY KEY,
    aisle       text NOT NULL,

    most_kilos  integer DEFAULT 240  -- a shelf bears 240 kilos
);

INSERT INTO shelves (id, aisle) VALUES (1, 'B');
INSERT INTO shelves (id, aisle) VALUES (2, 'C');

create or replace function reorder_point(article text)
returns integer
language plpgsql
AS $$
DECLARE
    weekly integer;
BEGIN
    -- Order again when fewer than 19 weeks' worth is left.
    SELECT sold INTO weekly FROM sales WHERE name = article;

    RETURN weekly * 19;
END;
$$;

CREATE UNIQUE INDEX shelves_by_aisle ON shelves (aisle);
