-- Meta's limit of new contacts is the portfolio's, whatever account a number is in.
ALTER TABLE connections ADD COLUMN business_id {text};
