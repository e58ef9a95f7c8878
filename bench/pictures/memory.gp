# What a subscriber costs that only listens.
load here."/common.gp"
set title "Memory of an idle subscriber's connection, of 10,000, in KB (less is better)"
set yrange [0:*]
set key off
plot data using 2:xtic(1) linecolor rgb "#1f5fa8"
