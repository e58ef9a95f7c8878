# What all pictures share. The caller sets `data` and `picture`, names of files.
set terminal svg size 760,380 dynamic noenhanced font "sans-serif,13" background "#ffffff"
set output picture
set datafile separator "\t"
set style data histograms
set style fill solid 1.0 noborder
set boxwidth 0.9
set border 3 linecolor rgb "#555555"
set tics nomirror textcolor rgb "#333333"
set grid ytics linecolor rgb "#dddddd" linetype 1
set key top left reverse Left textcolor rgb "#333333"
set format y "%g"
